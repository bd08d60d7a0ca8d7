//! `palisade allowlist why RULE --event FILE`: which entry would silence an event, and why the others would not.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::allowlist::event::{Event, failing};
use crate::allowlist::uses::{Use, of_rule, slots};
use crate::compile::{Analyses, selected_rules};
use crate::diagnostic::did_you_mean;
use crate::model::allowlist::{Predicate, Test};
use crate::model::environment::Environment;
use crate::model::rule::Rule;
use crate::render::paint::Paint;
use crate::render::safe;

use super::super::failure::{Exit, Failure};
use super::super::plan::Format;
use super::super::repository::{EnvironmentArgs, Opened, open};
use super::super::settings::Settings;
use super::super::ui::Ui;

/// The largest file of events that is read.
const MAX_BYTES: u64 = 16 << 20;
/// Characters of a value that are shown.
const MOST_SHOWN: usize = 60;

/// Arguments of `allowlist why`.
#[derive(Debug, clap::Args)]
pub(crate) struct WhyArgs {
    /// The rule's id
    rule: String,
    /// A JSON file with one event, as exported by the portals: an object, a list of them, or `{"Results": [...]}`
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What one entry does with one event.
struct Answer<'a> {
    place: String,
    used: Use<'a>,
    /// Empty: it matches.
    failing: Vec<&'a Predicate>,
    /// Why it silences nothing although it matches.
    idle: Option<String>,
}

pub(super) fn run(args: &WhyArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let events = read(&args.event)?;
    let opened = open(start)?;
    opened.require_sound(ui)?;
    let rules = &opened.repository.rules;
    let Some(rule) = rules.iter().find(|rule| rule.id.as_str() == args.rule) else {
        let near = did_you_mean(&args.rule, rules.iter().map(|rule| rule.id.as_str()));
        let failure = Failure::error(format!("there is no rule `{}`", args.rule));
        return Err(match near {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help("rule ids are the names of the files under rules/"),
        });
    };
    let today = settings.today()?;
    let mut all = Vec::new();
    for environment in opened.choose(&args.environments)? {
        for (number, event) in events.iter().enumerate() {
            let answers = answers(&opened, environment, rule, event, today);
            match args.format {
                Format::Text => {
                    let title = match events.len() {
                        1 => String::new(),
                        _ => format!("event {}, ", number + 1),
                    };
                    ui.data(&text(
                        &format!("{title}{} in {}", rule.id.value, environment.name),
                        &answers,
                        event,
                        ui.out,
                    ));
                }
                Format::Json => all.push(as_json(number, &environment.name, &answers, event)),
            }
        }
    }
    if args.format == Format::Json {
        ui.json(&json!({ "answers": all }));
    }
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Vec<Event>, Failure> {
    let shown = path.display();
    let unreadable =
        |error: std::io::Error| Failure::error(format!("`{shown}` cannot be read")).caused_by(&error);
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
        return Err(Failure::error(format!("`{shown}` is larger than 16 MiB")));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Failure::error(format!("`{shown}` is not JSON")).caused_by(&error))?;
    let events = match value {
        Value::Object(mut object) => {
            let key = ["Results", "results", "value"]
                .into_iter()
                .find(|key| object.get(*key).is_some_and(Value::is_array));
            match key.and_then(|key| object.remove(key)) {
                Some(Value::Array(items)) => items,
                _ => vec![Value::Object(object)],
            }
        }
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let events: Option<Vec<Event>> = events
        .into_iter()
        .map(|event| match event {
            Value::Object(columns) => Some(columns),
            _ => None,
        })
        .collect();
    events.filter(|events| !events.is_empty()).ok_or_else(|| {
        Failure::error(format!("`{shown}` holds no event"))
            .help("an event is an object of column names and values; export it from the portal as JSON")
    })
}

/// Every entry for the rule, those that silence first, then by how little was missing.
fn answers<'a>(
    opened: &'a Opened,
    environment: &'a Environment,
    rule: &'a Rule,
    event: &Event,
    today: Date,
) -> Vec<Answer<'a>> {
    let sources = &opened.repository.sources;
    let slots = slots(rule, &Analyses::default());
    let deployed = selected_rules(&opened.repository, environment).contains(&rule.id.value);
    let mut answers: Vec<Answer<'_>> = of_rule(&opened.repository, environment, rule)
        .map(|used| {
            let idle = if !deployed {
                Some(format!("the rule is not deployed to {}", environment.name))
            } else if !slots.contains(&used.list.slot.value) {
                Some(format!("the rule has no slot `{}`", used.list.slot.value))
            } else if used.entry.expires.value <= today {
                Some(format!("it expired on {}", used.entry.expires.value))
            } else {
                None
            };
            Answer {
                place: format!("{}#{}", sources.path(used.list.span.file), used.entry.id.value),
                used,
                failing: failing(used.entry, event),
                idle,
            }
        })
        .collect();
    answers.sort_by_key(|answer| (answer.failing.len(), answer.idle.is_some()));
    answers
}

fn silences(answer: &Answer<'_>) -> bool {
    answer.failing.is_empty() && answer.idle.is_none()
}

fn text(title: &str, answers: &[Answer<'_>], event: &Event, paint: Paint) -> String {
    let verdict = match answers.iter().find(|answer| silences(answer)) {
        Some(_) => paint.changed("silenced"),
        None => paint.added("reported"),
    };
    let mut out = format!("{}: {verdict}\n", paint.strong(title));
    if answers.is_empty() {
        out.push_str("  no allowlist is written for this rule here\n");
    }
    for answer in answers {
        let entry = answer.used.entry;
        let place = safe::line(&answer.place);
        if silences(answer) {
            let columns: Vec<&str> = entry.predicates.iter().map(|one| one.column.value.as_str()).collect();
            out.push_str(&format!(
                "  by {place} (until {}): {}\n    reason: {}\n",
                entry.expires.value,
                columns.join(" and "),
                safe::line(entry.reason.value.trim())
            ));
            continue;
        }
        out.push_str(&format!("  not by {place}\n"));
        if let Some(idle) = &answer.idle {
            let although = if answer.failing.is_empty() { ", although it matches" } else { "" };
            out.push_str(&format!("    {}{although}\n", safe::line(idle)));
        }
        for predicate in &answer.failing {
            let is = event.get(&predicate.column.value).map_or_else(|| "missing".to_owned(), shown);
            out.push_str(&format!(
                "    {} is {is}, not {}\n",
                safe::line(&predicate.column.value),
                wanted(predicate, answer.used.list.sensitive)
            ));
        }
    }
    out
}

/// What a predicate asks for, values of sensitive lists left out.
fn wanted(predicate: &Predicate, sensitive: bool) -> String {
    let values: Vec<String> = match &predicate.test {
        Test::Equals(value) => vec![plain(&value.value)],
        Test::In(values) => values.iter().map(|value| plain(&value.value)).collect(),
        Test::StartsWith(values)
        | Test::EndsWith(values)
        | Test::Contains(values)
        | Test::Has(values)
        | Test::Cidr(values) => values.iter().map(|value| value.value.clone()).collect(),
        Test::Regex(pattern) => vec![pattern.value.clone()],
        Test::Watchlist { alias, .. } => {
            return format!(
                "known here: the watchlist `{}` is in the workspace only",
                safe::line(&alias.value)
            );
        }
        Test::Range { min, max } => {
            let bound =
                |word: &str, value: &Option<crate::source::Spanned<crate::model::allowlist::Value>>| {
                    value.as_ref().map(|value| format!("{word} {}", plain(&value.value)))
                };
            bound("min", min).into_iter().chain(bound("max", max)).collect()
        }
    };
    let operator = predicate.test.operator();
    let case = if predicate.case_sensitive { ", case counts" } else { "" };
    match values.as_slice() {
        _ if sensitive => format!("{operator} (sensitive, {} values{case})", values.len()),
        [only] => format!("{operator} {}{case}", cut(only)),
        several => {
            let first: Vec<String> = several.iter().take(3).map(|value| cut(value)).collect();
            let more = several.len().saturating_sub(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{operator} {}{more}{case}", first.join(", "))
        }
    }
}

fn plain(value: &crate::model::allowlist::Value) -> String {
    use crate::model::allowlist::Value;
    match value {
        Value::String(text) | Value::DateTime(text) => text.clone(),
        Value::Long(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => cut(text),
        Value::Null => "null".to_owned(),
        other => cut(&other.to_string()),
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST_SHOWN).collect();
    if text.chars().count() > MOST_SHOWN {
        shown.push('…');
    }
    format!("`{}`", safe::line(&shown))
}

fn as_json(number: usize, environment: &str, answers: &[Answer<'_>], event: &Event) -> Value {
    let entries = answers.iter().map(|answer| {
        let failing = answer.failing.iter().map(|predicate| {
            json!({
                "column": predicate.column.value,
                "operator": predicate.test.operator(),
                "value": event.get(&predicate.column.value),
            })
        });
        json!({
            "entry": answer.place,
            "silences": silences(answer),
            "matches": answer.failing.is_empty(),
            "not_in_force_because": answer.idle,
            "failing": failing.collect::<Vec<_>>(),
        })
    });
    json!({
        "event": number,
        "environment": environment,
        "silenced": answers.iter().any(silences),
        "entries": entries.collect::<Vec<_>>(),
    })
}
