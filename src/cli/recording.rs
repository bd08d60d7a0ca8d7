//! `palisade record`: result rows of a hunting query as a case.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::diagnostic::did_you_mean;
use crate::fixture::write::{Draft, case};
use crate::fixture::{Row, redact, shapes};
use crate::kql::bind::bind;
use crate::kql::parse;
use crate::kql::schema::{Platform, Schema};
use crate::kql::types::ScalarType;
use crate::model::rule::Rule;

use super::failure::{Exit, Failure};
use super::files;
use super::repository::open;
use super::settings::Settings;
use super::ui::Ui;

/// The largest export that is read.
const MAX_BYTES: u64 = 16 << 20;
/// Most rows of a case that a person still reads.
const MANY: usize = 50;

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordArgs {
    /// The exported rows as JSON: from the portal, Graph's runHuntingQuery, Defender's API or Log Analytics; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The rule that the case is for
    #[arg(long, value_name = "RULE")]
    rule: String,
    /// The table that the rows are events of; found out when the rule reads only one
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// The case's name
    #[arg(long, default_value = "recorded")]
    name: String,
    /// What the rule must do
    #[arg(long, value_enum, default_value_t = Expectation::Alert)]
    expect: Expectation,
    /// Replace names and addresses by stand-ins, the same for the same
    #[arg(long)]
    redact: bool,
}

/// What a rule must do in a recorded case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Expectation {
    /// It was an attack
    Alert,
    /// It was noise
    Silent,
}

pub(crate) fn run(args: &RecordArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let rules = &opened.repository.rules;
    let Some(rule) = rules.iter().find(|rule| rule.id.as_str() == args.rule) else {
        let failure = Failure::error(format!("there is no rule `{}`", args.rule));
        return Err(match did_you_mean(&args.rule, rules.iter().map(|rule| rule.id.as_str())) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help("rule ids are the names of the files under rules/"),
        });
    };
    let mut rows = read(&args.file)?;
    let schema = Schema::built_in(Platform::Unified);
    let table = table(args, rule, &schema)?;
    let left_out = keep_events(&mut rows, &schema, &table);
    if rows.iter().all(Row::is_empty) {
        return Err(Failure::error(format!("no column of the export is one of {table}"))
            .help("export events, not summaries; or name their table with --table"));
    }
    let redacted = args.redact.then(|| redact::redact(&mut rows));
    let clock = match last_time(&rows) {
        Some(time) => time,
        None => settings.now()?,
    };
    let clock = clock.checked_add(jiff::SignedDuration::from_mins(1)).unwrap_or(clock);
    let clock = jiff::Timestamp::from_second(clock.as_second()).unwrap_or(clock).to_string();
    let expect = match args.expect {
        Expectation::Alert => "alert",
        Expectation::Silent => "silent",
    };
    ui.data(&case(&Draft { name: &args.name, expect, clock: &clock, table: &table }, &rows));
    report(&rows, &table, &left_out, redacted, rule.id.as_str(), ui);
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Vec<Row>, Failure> {
    let text = match path.as_os_str() == "-" {
        true => files::read(std::io::stdin().lock(), MAX_BYTES),
        false => files::text(path, MAX_BYTES),
    };
    let failed = |why: String| Failure::error(format!("`{}` cannot be recorded: {why}", path.display()));
    let text = text.map_err(failed)?;
    shapes::rows(&text).map_err(|why| {
        failed(why).help("export the rows as JSON: an array of objects, or the answer of a query API")
    })
}

/// The table that was named, or the only one that the rule reads.
fn table(args: &RecordArgs, rule: &Rule, schema: &Schema) -> Result<String, Failure> {
    if let Some(table) = &args.table {
        let names = schema.table_names();
        if names.contains(&table.as_str()) || table.ends_with("_CL") {
            return Ok(table.clone());
        }
        let failure = Failure::error(format!("there is no table `{table}`"));
        return Err(match did_you_mean(table, names) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help("name a table of Defender or of the workspace"),
        });
    }
    let mut tables: Vec<String> = Vec::new();
    let platform = [
        rule.defender.as_ref().and_then(|section| section.query.as_ref()),
        rule.sentinel.as_ref().and_then(|section| section.query.as_ref()),
    ];
    for query in platform.into_iter().flatten().chain(&rule.query) {
        let text = &query.text.value;
        tables.extend(bind(&parse(text), text, schema).tables);
    }
    tables.sort_unstable();
    tables.dedup();
    match tables.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::error("which table are these rows of?").help("name it with --table")),
        several => Err(Failure::error("which table are these rows of?")
            .help(format!("name it with --table; the rule reads {}", several.join(", ")))),
    }
}

/// Leaves what an event of the table has, in the table's types; gives back the names of the other columns.
fn keep_events(rows: &mut [Row], schema: &Schema, table: &str) -> Vec<String> {
    let columns = schema.table_columns(table);
    let mut left_out: Vec<String> = Vec::new();
    for row in rows {
        let old = std::mem::take(row);
        for (name, value) in old {
            if value.is_null() || value.as_str() == Some("") {
                continue;
            }
            let ty = columns.as_ref().map(|columns| columns.iter().find(|(known, _)| *known == name));
            match ty {
                Some(Some((_, ty))) => drop(row.insert(name, in_type(value, *ty))),
                // Nobody knows the columns of a custom table.
                None => drop(row.insert(name, value)),
                Some(None) if left_out.contains(&name) => {}
                Some(None) => left_out.push(name),
            }
        }
    }
    left_out
}

/// Exports write numbers and truth values as text where their form has no other way.
fn in_type(value: Value, ty: ScalarType) -> Value {
    let Some(text) = value.as_str() else { return value };
    let typed = match ty {
        ScalarType::Int | ScalarType::Long => text.parse::<i64>().ok().map(Value::from),
        ScalarType::Real | ScalarType::Decimal => text.parse::<f64>().ok().map(Value::from),
        ScalarType::Bool => text.to_ascii_lowercase().parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    typed.unwrap_or(value)
}

/// The latest time of any row.
fn last_time(rows: &[Row]) -> Option<jiff::Timestamp> {
    let times = rows.iter().flat_map(|row| ["TimeGenerated", "Timestamp"].map(|name| row.get(name)));
    times.flatten().filter_map(|value| value.as_str()?.parse().ok()).max()
}

fn report(rows: &[Row], table: &str, left_out: &[String], redacted: Option<usize>, rule: &str, ui: &Ui) {
    if !left_out.is_empty() {
        ui.tell(&format!(
            "Left out, because {table} has no such columns: {}.",
            crate::render::safe::line(&left_out.join(", "))
        ));
    }
    match redacted {
        Some(count) => ui.say(&format!(
            "{count} names and addresses were replaced. Read the case before you commit it: a name inside a command line \
             looks like any other word."
        )),
        None => ui.say("Names and addresses are in it as they were; --redact replaces them."),
    }
    if rows.len() > MANY {
        ui.say(&format!("These are {} rows: keep those that show something.", rows.len()));
    }
    ui.say(&format!("Put it into tests/{rule}.yaml, then: palisade test {rule}"));
}
