//! `palisade allowlist list`: every entry with its state and its blast radius.

use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::address::matches_glob;
use crate::allowlist::uses::Reach;
use crate::model::allowlist::{Allowlist, Entry};
use crate::model::rule::Strength;

use super::super::failure::{Exit, Failure};
use super::super::repository::{EnvironmentArgs, Opened, open, show};
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::table;

/// Arguments of `allowlist list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only entries that touch these rules: an id or a glob
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// How to print them
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,
}

/// How to print entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For reviews
    Markdown,
}

/// Where an entry is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InForce,
    /// It expires within the project's warning time.
    Due,
    Expired,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Due => "due",
            Self::Expired => "expired",
        }
    }
}

/// An entry and what it touches.
struct Row<'a> {
    place: String,
    list: &'a Allowlist,
    entry: &'a Entry,
    state: State,
    strength: Strength,
    /// Environments with the rules there.
    reach: Vec<(&'a str, Vec<&'a str>)>,
}

pub(super) fn run(args: &ListArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let today = settings.today()?;
    let rows = rows(&opened, args, today)?;
    let head = ["ENTRY", "STATE", "UNTIL", "STRENGTH", "OWNER", "TOUCHES"];
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row)).collect();
    match args.format {
        ListFormat::Table => ui.data(&table::aligned(&head, &cells)),
        ListFormat::Markdown => {
            ui.data(&table::markdown(&["Entry", "State", "Until", "Strength", "Owner", "Touches"], &cells));
        }
        ListFormat::Json => {
            let entries: Vec<Value> = rows.iter().map(as_json).collect();
            ui.json(&json!({ "entries": entries }));
        }
    }
    let count = |state: State| rows.iter().filter(|row| row.state == state).count();
    ui.say(&format!(
        "{}: {} in force, {} due, {} expired.",
        super::change::entries(rows.len()),
        count(State::InForce),
        count(State::Due),
        count(State::Expired)
    ));
    if opened.diagnostics.has_errors() {
        show(&opened.diagnostics, &opened.repository, ui);
        return Err(Failure::diagnosed(Exit::Error));
    }
    Ok(Exit::Done)
}

fn rows<'a>(opened: &'a Opened, args: &ListArgs, today: Date) -> Result<Vec<Row<'a>>, Failure> {
    let repository = &opened.repository;
    let wanted: Option<Vec<&str>> = if !args.environments.is_given() {
        None
    } else {
        let chosen = opened.choose(&args.environments)?;
        Some(chosen.into_iter().map(|environment| environment.name.as_str()).collect())
    };
    let soon = today.checked_add(i64::from(repository.project.allowlist.warn_days).days()).unwrap_or(today);
    let reach = Reach::of(repository);
    let mut rows = Vec::new();
    for (number, list) in repository.allowlists.iter().enumerate() {
        let mut reached = reach.of_list(repository, number);
        if let Some(wanted) = &wanted {
            reached.retain(|(environment, _)| wanted.contains(environment));
        }
        if let Some(rule) = &args.rule {
            reached.iter_mut().for_each(|(_, rules)| rules.retain(|id| matches_glob(rule, id)));
            reached.retain(|(_, rules)| !rules.is_empty());
        }
        // What touches nothing is worth seeing as long as nothing was asked for.
        if reached.is_empty() && (wanted.is_some() || args.rule.is_some()) {
            continue;
        }
        for entry in &list.entries {
            let expires = entry.expires.value;
            rows.push(Row {
                place: format!("{}#{}", repository.sources.path(list.span.file), entry.id.value),
                list,
                entry,
                state: match expires {
                    day if day <= today => State::Expired,
                    day if day <= soon => State::Due,
                    _ => State::InForce,
                },
                strength: crate::allowlist::strength(entry),
                reach: reached.clone(),
            });
        }
    }
    Ok(rows)
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let mut rules: Vec<&str> = row.reach.iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
    rules.sort_unstable();
    rules.dedup();
    let environments: Vec<&str> = row.reach.iter().map(|(name, _)| *name).collect();
    let touches = match (rules.as_slice(), environments.as_slice()) {
        ([], _) => "nothing".to_owned(),
        ([rule], [environment]) => format!("{rule} in {environment}"),
        ([rule], several) => format!("{rule} in {} environments", several.len()),
        (several, [environment]) => format!("{} rules in {environment}", several.len()),
        (several, more) => format!("{} rules in {} environments", several.len(), more.len()),
    };
    vec![
        row.place.clone(),
        row.state.word().to_owned(),
        row.entry.expires.value.to_string(),
        crate::allowlist::word(row.strength).to_owned(),
        row.entry.owner.value.clone(),
        touches,
    ]
}

fn as_json(row: &Row<'_>) -> Value {
    let environments: serde_json::Map<String, Value> =
        row.reach.iter().map(|(name, rules)| ((*name).to_owned(), json!(rules))).collect();
    let columns: Vec<&str> = row.entry.predicates.iter().map(|one| one.column.value.as_str()).collect();
    json!({
        "entry": row.place,
        "id": row.entry.id.value,
        "list": row.list.name,
        "slot": row.list.slot.value,
        "state": row.state.word().replace(' ', "_"),
        "expires": row.entry.expires.value.to_string(),
        "created": row.entry.created.as_ref().map(|day| day.value.to_string()),
        "strength": crate::allowlist::word(row.strength),
        "owner": row.entry.owner.value,
        "ticket": row.entry.ticket.as_ref().map(|ticket| &ticket.value),
        "reason": row.entry.reason.value.trim(),
        "exception": row.entry.exception.as_ref().map(|one| json!({"approver": one.approver.value, "reason": one.reason.value})),
        "sensitive": row.list.sensitive,
        "columns": columns,
        "environments": environments,
    })
}
