//! `palisade explain RULE -e ENV`: the query that is deployed, line by line with the place that each line came from.
//!
//! Works on repositories with errors too: what is wrong goes to stderr, and what could be compiled is shown. Values of
//! sensitive allowlists are shown as digests, as everywhere.

use std::path::Path;

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::address::Platform;
use crate::compile::{Desired, DropReason, Dropped, MAX_QUERY, compile};
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::model::environment::Environment;
use crate::model::rule::{Rule, Status};
use crate::plan::redacted_line;
use crate::render::paint::Paint;
use crate::render::safe;
use crate::resource::{LineOrigin, Resource};

use super::super::failure::{Exit, Failure};
use super::super::plan::Format;
use super::super::render::payload;
use super::super::repository::{EnvironmentArgs, Opened, open, show};
use super::super::settings::Settings;
use super::super::ui::Ui;

pub(super) fn run(
    wanted: &str,
    environments: &EnvironmentArgs,
    format: Format,
    start: &Path,
    settings: &Settings,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let today = settings.today()?;
    let mut problems = opened.diagnostics.clone();
    let rule = opened.repository.rules.iter().find(|rule| rule.id.as_str() == wanted);
    let Some(rule) = rule else { return Err(unknown(&opened, wanted, &problems, ui)) };
    let mut all = Vec::new();
    for environment in opened.choose(environments)? {
        let (desired, found) = compile(&opened.repository, environment, today);
        problems.extend(found.into_iter().filter(|finding| is_about(finding, rule, &opened)).collect());
        let explained = explained(&opened, environment, rule, &desired, today);
        if format == Format::Text {
            ui.data(&text(&explained, ui.out));
        }
        all.push(explained);
    }
    if format == Format::Json {
        let values: Vec<Value> = all.iter().map(as_json).collect();
        ui.json(&json!({ "explained": values }));
    }
    problems.settle(&opened.repository.sources);
    if problems.has_errors() {
        show(&problems, &opened.repository, ui);
        return Err(Failure::diagnosed(Exit::Error));
    }
    Ok(Exit::Done)
}

/// What an environment makes of a rule.
struct Explained {
    environment: String,
    rule: String,
    /// The rule's file.
    path: String,
    status: Status,
    enabled: bool,
    /// Why it is not deployed here, if so.
    dropped: Option<String>,
    targets: Vec<Target>,
    /// `file:line`, entry and reason of each entry that was written for the rule and is not in the query.
    left_out: Vec<(String, String, String)>,
}

/// A rule at one target.
struct Target {
    address: String,
    /// Of the whole text, the ownership marker included.
    characters: usize,
    lines: Vec<Line>,
    /// How the ownership marker is kept out of `lines`.
    marker: usize,
    expires: Vec<(String, String)>,
}

struct Line {
    text: String,
    origin: LineOrigin,
}

fn explained(
    opened: &Opened,
    environment: &Environment,
    rule: &Rule,
    desired: &Desired,
    today: Date,
) -> Explained {
    let sources = &opened.repository.sources;
    let of_rule = |resource: &&Resource| resource.address.rule == rule.id.as_str();
    let resources: Vec<&Resource> = desired.resources.iter().filter(of_rule).collect();
    let dropped = desired.dropped.iter().find(|dropped| dropped.rule == rule.id.value);
    let dropped = match dropped {
        Some(dropped) => Some(why_dropped(opened, environment, rule, dropped)),
        None if resources.is_empty() => Some(
            "the environment lacks the platforms that the rule is for, or it could not be compiled"
                .to_owned(),
        ),
        None => None,
    };
    let left_out = crate::allowlist::uses::of_rule(&opened.repository, environment, rule)
        .filter(|used| used.entry.expires.value <= today)
        .map(|used| {
            (
                sources.display(used.entry.id.span),
                used.entry.id.value.clone(),
                format!("expired on {}", used.entry.expires.value),
            )
        });
    Explained {
        environment: environment.name.clone(),
        rule: rule.id.to_string(),
        path: sources.path(rule.id.span.file).to_owned(),
        status: rule.status.value,
        enabled: resources.first().is_some_and(|resource| is_enabled(resource)),
        left_out: if dropped.is_some() { Vec::new() } else { left_out.collect() },
        dropped,
        targets: resources.iter().map(|resource| target(resource, &environment.owner.value)).collect(),
    }
}

fn target(resource: &Resource, owner: &str) -> Target {
    let (_, sent) = payload(resource, owner);
    let characters = sent.as_str().map_or(0, |text| text.chars().count());
    let own = match resource.address.target.platform() {
        Platform::Sentinel => resource.body.get("query"),
        Platform::Defender => resource.body.get("queryCondition").and_then(|value| value.get("queryText")),
    };
    let own = own.and_then(Value::as_str).unwrap_or("");
    let lines = own
        .lines()
        .zip(resource.lines.iter())
        .map(|(text, origin)| Line { text: redacted_line(text).into_owned(), origin: origin.clone() });
    let expires =
        resource.entries.iter().map(|used| (format!("{}#{}", used.path, used.entry), used.expires.clone()));
    Target {
        address: resource.address.to_string(),
        characters,
        lines: lines.collect(),
        marker: characters.saturating_sub(own.chars().count()),
        expires: expires.collect(),
    }
}

fn is_enabled(resource: &Resource) -> bool {
    let value = resource.body.get("enabled").or_else(|| resource.body.get("status"));
    value.is_some_and(|value| *value == Value::Bool(true) || value.as_str() == Some("enabled"))
}

/// In one sentence with the place that decides.
fn why_dropped(opened: &Opened, environment: &Environment, rule: &Rule, dropped: &Dropped) -> String {
    let sources = &opened.repository.sources;
    let file = sources.path(environment.span.file);
    match dropped.reason {
        DropReason::Excluded => {
            let exclude = environment.select.exclude.iter();
            let pattern = exclude.clone().find(|one| crate::address::matches_glob(one, rule.id.as_str()));
            match pattern {
                Some(pattern) => {
                    format!("`select.exclude` has `{}` ({})", pattern.value, sources.display(pattern.span))
                }
                None => format!("`select.exclude` of {file} names it"),
            }
        }
        DropReason::Elsewhere => {
            let names: Vec<&str> = rule.environments.iter().map(|name| name.value.as_str()).collect();
            format!("its `environments` are [{}]", names.join(", "))
        }
        DropReason::NotSelected => {
            let words = |items: &[crate::source::Spanned<String>]| {
                items.iter().map(|item| item.value.as_str()).collect::<Vec<_>>().join(", ")
            };
            format!(
                "`select` of {file} takes rules [{}] and tags [{}]; this rule has the tags [{}]",
                words(&environment.select.rules),
                words(&environment.select.tags),
                words(&rule.tags),
            )
        }
        DropReason::Lifecycle => format!(
            "its status is `{status}` ({}), and `lifecycle` of {file} makes {status} rules absent",
            sources.display(rule.status.span),
            status = status_word(rule.status.value),
        ),
    }
}

/// Of the environment's findings, those in the rule's file or without a place.
fn is_about(finding: &crate::diagnostic::Diagnostic, rule: &Rule, opened: &Opened) -> bool {
    let lists = &opened.repository.allowlists;
    finding.span.is_none_or(|span| {
        span.file == rule.id.span.file
            || lists.iter().any(|list| {
                list.span.file == span.file && crate::allowlist::uses::names_rule(list, rule.id.as_str())
            })
    })
}

fn unknown(opened: &Opened, wanted: &str, problems: &Diagnostics, ui: &Ui) -> Failure {
    if problems.has_errors() {
        show(problems, &opened.repository, ui);
    }
    let help = match did_you_mean(wanted, opened.repository.rules.iter().map(|rule| rule.id.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "give the id of a rule below rules/, or a code such as ALW-06".to_owned(),
    };
    Failure::error(format!("there is no rule and no code `{wanted}`")).help(help)
}

fn status_word(status: Status) -> &'static str {
    Status::NAMES.iter().find(|(_, known)| *known == status).map_or("", |(word, _)| word)
}

fn text(explained: &Explained, paint: Paint) -> String {
    let mut out = String::new();
    let place = format!("{} in {}", explained.rule, explained.environment);
    if let Some(why) = &explained.dropped {
        return format!("{}: not deployed\n  {}\n", paint.strong(&place), safe::line(why));
    }
    for target in &explained.targets {
        let switched = if explained.enabled { "enabled" } else { "disabled" };
        out.push_str(&format!(
            "{}: {}, status {}, {switched}\n",
            paint.strong(&place),
            target.address,
            status_word(explained.status)
        ));
        if target.lines.is_empty() {
            out.push_str("  this kind of rule has no query\n\n");
            continue;
        }
        let marker = match target.marker {
            0 => String::new(),
            marker => format!(", {marker} of them the ownership marker"),
        };
        out.push_str(&format!(
            "  {} of {} characters{marker}\n\n",
            grouped(target.characters),
            grouped(MAX_QUERY)
        ));
        query(&mut out, target, paint);
        out.push('\n');
    }
    for (place, entry, why) in &explained.left_out {
        out.push_str(&format!("  left out: {} ({}), {why}\n", safe::line(entry), safe::line(place)));
    }
    out
}

/// The lines under the files that they came from, as in a compiler's messages.
fn query(out: &mut String, target: &Target, paint: Paint) {
    let width = target.lines.iter().map(|line| rule_line(line).to_string().len()).max().unwrap_or(1);
    let mut shown = String::new();
    for line in &target.lines {
        let heading = heading(&line.origin, &target.expires);
        if heading != shown && !heading.is_empty() {
            out.push_str(&format!("  {}\n", paint.faint(&safe::line(&heading))));
            shown = heading;
        }
        let number = match rule_line(line) {
            0 => "+".to_owned(),
            number => number.to_string(),
        };
        let text = safe::line(&line.text);
        let text = if number == "+" { paint.added(&text) } else { text };
        out.push_str(format!("  {number:>width$} | {text}").trim_end());
        out.push('\n');
    }
}

/// The line's number in the rule's file; 0 for a line that an environment put there.
fn rule_line(line: &Line) -> u32 {
    match &line.origin {
        LineOrigin::Rule { line, .. } => *line,
        LineOrigin::Parameter { .. } | LineOrigin::Allowlist { .. } => 0,
    }
}

fn heading(origin: &LineOrigin, expires: &[(String, String)]) -> String {
    match origin {
        LineOrigin::Rule { path, .. } => path.to_string(),
        LineOrigin::Parameter { path, line, name } => format!("{path}:{line} (parameter {name})"),
        LineOrigin::Allowlist { entries } => match entries.as_slice() {
            [] => String::new(),
            entries => {
                let day = |entry: &String| expires.iter().find(|(name, _)| name == entry).map(|(_, day)| day);
                let named = entries.iter().map(|entry| match day(entry) {
                    Some(day) => format!("{entry} (until {day})"),
                    None => entry.clone(),
                });
                named.collect::<Vec<_>>().join(", ")
            }
        },
    }
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn as_json(explained: &Explained) -> Value {
    let targets = explained.targets.iter().map(|target| {
        let lines = target
            .lines
            .iter()
            .zip(1..)
            .map(|(line, number)| json!({"number": number, "text": line.text, "origin": line.origin}));
        json!({
            "address": target.address,
            "characters": target.characters,
            "limit": MAX_QUERY,
            "lines": lines.collect::<Vec<_>>(),
        })
    });
    let left_out = explained
        .left_out
        .iter()
        .map(|(place, entry, why)| json!({"place": place, "entry": entry, "reason": why}));
    json!({
        "rule": explained.rule,
        "environment": explained.environment,
        "path": explained.path,
        "status": status_word(explained.status),
        "deployed": explained.dropped.is_none(),
        "not_deployed_because": explained.dropped,
        "enabled": explained.enabled,
        "targets": targets.collect::<Vec<_>>(),
        "left_out": left_out.collect::<Vec<_>>(),
    })
}
