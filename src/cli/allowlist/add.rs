//! `palisade allowlist add RULE`: a new entry, or with `--ttl` a mute.

use std::path::Path;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::allowlist::edit::{self, NewEntry, NewPredicate, Scalar};
use crate::diagnostic::did_you_mean;
use crate::duration::IsoDuration;
use crate::model::allowlist::{Allowlist, RulePattern, Scope};

use super::super::failure::{Exit, Failure};
use super::super::repository::{EnvironmentArgs, Opened, open};
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::change::{self, Changed};

/// Operators that take one or several texts.
const TEXT_OPERATORS: [&str; 8] =
    ["equals", "in", "starts_with", "ends_with", "contains", "has", "regex", "cidr"];

/// Arguments of `allowlist add`.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// The rule's id
    rule: String,
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// A condition: COLUMN=VALUE, or COLUMN:OPERATOR=VALUE; `:=` in place of `=` for a number, true or false. Repeat it for
    /// more columns (and), or for more values of one column (or)
    #[arg(short = 'm', long = "match", value_name = "CONDITION", required = true)]
    conditions: Vec<String>,
    /// Why the noise is known and harmless
    #[arg(long)]
    reason: String,
    /// Who answers for it, for example team@example.com
    #[arg(long)]
    owner: String,
    /// Where it was decided
    #[arg(long)]
    ticket: Option<String>,
    /// The entry's id; made from the rule and the day when left out
    #[arg(long)]
    id: Option<String>,
    /// The first day (UTC) on which it no longer holds
    #[arg(long, value_name = "DAY", required_unless_present = "ttl", conflicts_with = "ttl")]
    expires: Option<Date>,
    /// Mute for at least this long, for example 24h or 7d: the entry then lapses by itself
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// The slot
    #[arg(long, default_value = "main")]
    slot: String,
    /// The list, below the environment's allowlists/ and without extension; `_shared/NAME` for a shared one
    #[arg(long, value_name = "NAME")]
    file: Option<String>,
    /// Show the file as it would be, and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &AddArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    opened.require_sound(ui)?;
    require_rule(&opened, &args.rule)?;
    let scope = scope(&opened, args)?;
    let now = settings.now()?;
    let today = settings.today()?;
    let entry = NewEntry {
        id: args.id.clone().unwrap_or_else(|| format!("{}-{today}", args.rule)),
        reason: args.reason.clone(),
        owner: args.owner.clone(),
        ticket: args.ticket.clone(),
        created: today,
        expires: match (&args.expires, &args.ttl) {
            (Some(day), _) => *day,
            (None, Some(ttl)) => end_of(now, ttl)?,
            (None, None) => today,
        },
        required: args.ttl.is_none(),
        predicates: predicates(&args.conditions)?,
    };
    let place = place(&opened, args, &scope)?;
    let text = match place.list {
        Some(list) => {
            let text = opened.repository.sources.file(list.span.file).map_or("", |file| &*file.text);
            edit::append(text, list, &entry)
        }
        None => edit::create(std::slice::from_ref(&args.rule), &args.slot, &entry),
    };
    let text = text.map_err(|error| {
        Failure::error(format!("the entry cannot be written into {}", place.path))
            .caused_by(&error)
            .help("write it by hand, or choose another list with --file")
    })?;
    if args.dry_run {
        ui.data(&text);
        return Ok(Exit::Done);
    }
    let changed = Changed { path: &place.path, name: &place.name, scope: &scope, text: &text };
    change::write(&opened, &changed, today, ui)?;
    let until = match args.ttl {
        Some(_) => format!("It lapses by itself on {} (UTC).", entry.expires),
        None => format!("It holds until {} (UTC).", entry.expires),
    };
    ui.say(&format!("{}#{} was written. {until} Commit it, then plan and apply.", place.path, entry.id));
    Ok(Exit::Done)
}

fn require_rule(opened: &Opened, wanted: &str) -> Result<(), Failure> {
    let ids = || opened.repository.rules.iter().map(|rule| rule.id.as_str());
    if ids().any(|id| id == wanted) {
        return Ok(());
    }
    let failure = Failure::error(format!("there is no rule `{wanted}`"));
    Err(match did_you_mean(wanted, ids()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("rule ids are the names of the files under rules/"),
    })
}

fn scope(opened: &Opened, args: &AddArgs) -> Result<Scope, Failure> {
    if args.file.as_ref().is_some_and(|file| file.starts_with("_shared/")) {
        return Ok(Scope::Shared);
    }
    match opened.choose(&args.environments)?.as_slice() {
        [only] => Ok(Scope::Environment(only.name.clone())),
        _ => Err(Failure::error("an entry is added to one environment at a time")
            .help("name one with -e; for several, add it to a shared list: --file _shared/NAME")),
    }
}

/// The file that an entry goes into.
struct Place<'a> {
    path: String,
    name: String,
    /// The list that is there already.
    list: Option<&'a Allowlist>,
}

fn place<'a>(opened: &'a Opened, args: &AddArgs, scope: &Scope) -> Result<Place<'a>, Failure> {
    let repository = &opened.repository;
    let mut lists = repository.allowlists.iter().map(AsRef::as_ref).filter(|list| list.scope == *scope);
    let found = match &args.file {
        Some(name) => lists.find(|list: &&Allowlist| list.name == *name),
        // A list of this rule alone: nothing else changes with it.
        None => lists.find(|list| {
            let only =
                matches!(list.rules.as_slice(), [only] if only.value == RulePattern::Glob(args.rule.clone()));
            only && list.slot.value == args.slot && !list.sensitive
        }),
    };
    if let Some(list) = found {
        let path = repository.sources.path(list.span.file).to_owned();
        let named = crate::allowlist::uses::names_rule(list, &args.rule);
        if !named || list.slot.value != args.slot {
            return Err(Failure::error(format!(
                "{path} is not for the slot `{}` of `{}`",
                args.slot, args.rule
            ))
            .help("choose another list with --file, or leave the option out"));
        }
        return Ok(Place { path, name: list.name.clone(), list: Some(list) });
    }
    let name = match &args.file {
        Some(name) => name.clone(),
        None if args.slot == "main" => args.rule.clone(),
        None => format!("{}-{}", args.rule, args.slot),
    };
    let below = name.strip_prefix("_shared/").unwrap_or(&name);
    let usable = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    if !below.split('/').all(usable) {
        return Err(Failure::error(format!("`{name}` is no name for a list"))
            .help("letters, digits, `-`, `_` and `.`, with `/` between folders"));
    }
    let folder = match scope {
        Scope::Shared => "_shared",
        Scope::Environment(name) => name,
    };
    let path = format!("environments/{folder}/allowlists/{below}.yaml");
    if std::fs::symlink_metadata(opened.root.join(&path)).is_ok() {
        return Err(Failure::error(format!("{path} is there already, for other rules or another slot"))
            .help("choose another name with --file"));
    }
    Ok(Place { path, name, list: None })
}

/// The first day that begins after `now` and the duration: a mute never ends sooner than was asked for.
pub(crate) fn end_of(now: Timestamp, ttl: &str) -> Result<Date, Failure> {
    let wrong =
        || Failure::error(format!("`{ttl}` is not a duration")).help("for example 24h, 7d, 2w or PT24H");
    let seconds = match IsoDuration::parse(ttl) {
        Ok(duration) => i64::try_from(duration.seconds()).map_err(|_| wrong())?,
        Err(_) => {
            let unit = ttl.chars().next_back().ok_or_else(wrong)?;
            let number: i64 = ttl.strip_suffix(unit).and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
            let factor = match unit {
                'h' => 3_600,
                'd' => 86_400,
                'w' => 7 * 86_400,
                _ => return Err(wrong()),
            };
            number.checked_mul(factor).ok_or_else(wrong)?
        }
    };
    if seconds <= 0 {
        return Err(wrong());
    }
    let end = now.checked_add(SignedDuration::from_secs(seconds)).map_err(|_| wrong())?;
    let end = end.to_zoned(jiff::tz::TimeZone::UTC);
    let midnight = end.date().to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
    if midnight == end { Ok(end.date()) } else { end.date().tomorrow().map_err(|_| wrong()) }
}

/// Conditions of the command line by column, in the order of first mention.
fn predicates(conditions: &[String]) -> Result<Vec<NewPredicate>, Failure> {
    let mut predicates: Vec<NewPredicate> = Vec::new();
    for condition in conditions {
        let (column, operator, value) = parse(condition)?;
        let index = match predicates.iter().position(|known| known.column == column) {
            Some(index) => index,
            None => {
                predicates.push(NewPredicate { column: column.clone(), tests: Vec::new() });
                predicates.len() - 1
            }
        };
        let Some(predicate) = predicates.get_mut(index) else { continue };
        match predicate.tests.iter_mut().find(|(known, _)| *known == operator) {
            Some((_, values)) => values.push(value),
            None => predicate.tests.push((operator, vec![value])),
        }
    }
    for predicate in &mut predicates {
        for (operator, values) in &mut predicate.tests {
            if operator == "equals" && values.len() > 1 {
                "in".clone_into(operator);
            }
        }
    }
    Ok(predicates)
}

/// `COLUMN=VALUE`, `COLUMN:OPERATOR=VALUE`, `COLUMN:OPERATOR:=VALUE`.
fn parse(condition: &str) -> Result<(String, String, Scalar), Failure> {
    let wrong = |why: String| {
        Failure::error(format!("`{condition}` is not a condition: {why}"))
            .help("for example SHA1=9b1f… or 'FolderPath:starts_with=C:\\Program Files\\Contoso\\'")
    };
    let (left, value) = condition.split_once('=').ok_or_else(|| wrong("there is no `=`".to_owned()))?;
    let (left, raw) = left.strip_suffix(':').map_or((left, false), |left| (left, true));
    let (column, operator) = left.split_once(':').unwrap_or((left, "equals"));
    let bound = matches!(operator, "min" | "max");
    if !bound && !TEXT_OPERATORS.contains(&operator) {
        let known = TEXT_OPERATORS.iter().copied().chain(["min", "max"]);
        let near = did_you_mean(operator, known.clone());
        return Err(wrong(match near {
            Some(near) => format!("there is no operator `{operator}`; did you mean `{near}`?"),
            None => format!(
                "there is no operator `{operator}`; there are {}",
                known.collect::<Vec<_>>().join(", ")
            ),
        }));
    }
    let number = value.parse::<i64>().is_ok() || value.parse::<f64>().is_ok_and(f64::is_finite);
    let value = if raw || (bound && number) {
        if !number && !matches!(value, "true" | "false") {
            return Err(wrong("after `:=` a number, `true` or `false` must follow".to_owned()));
        }
        Scalar::Raw(value.to_owned())
    } else {
        Scalar::Text(value.to_owned())
    };
    Ok((column.to_owned(), operator.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mute_never_ends_sooner_than_asked() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        for (ttl, day) in [
            ("24h", "2026-11-25"),
            ("PT16H", "2026-11-24"),
            ("16h", "2026-11-24"),
            ("7d", "2026-12-01"),
            ("P1D", "2026-11-25"),
        ] {
            assert_eq!(end_of(now, ttl).unwrap().to_string(), day, "{ttl}");
        }
        for ttl in ["", "h", "-1d", "0h", "1y", "99999999999999999d"] {
            assert!(end_of(now, ttl).is_err(), "{ttl}");
        }
    }

    #[test]
    fn conditions() {
        let text = |text: &str| Scalar::Text(text.into());
        let raw = |text: &str| Scalar::Raw(text.into());
        for (condition, column, operator, value) in [
            ("SHA1=ab", "SHA1", "equals", text("ab")),
            ("A:has=x=y", "A", "has", text("x=y")),
            ("N:=4", "N", "equals", raw("4")),
            ("N:min=4", "N", "min", raw("4")),
            ("T:min=2026-11-01", "T", "min", text("2026-11-01")),
            ("B:=true", "B", "equals", raw("true")),
        ] {
            assert_eq!(parse(condition).unwrap(), (column.into(), operator.into(), value), "{condition}");
        }
        for condition in ["A", "A:hast=x", "A:=x"] {
            assert!(parse(condition).is_err(), "{condition}");
        }
    }
}
