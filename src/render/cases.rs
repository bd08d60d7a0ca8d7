//! Outcomes of cases: for people, as JSON (names in product.md "Names in machine output"), and as JUnit for build agents.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::paint::Paint;
use super::safe;
use crate::characters::{is_bidi_control, is_invisible};
use crate::verify::coverage::{Condition, Coverage};
use crate::verify::{Outcome, RowLine};

/// What stands where an environment's name would: the rule as it is written.
pub const BARE: &str = "without allowlist";

/// Outcomes by rule and case; what went well is one line. Where a case was played is said at the rule, and at a case only if it
/// was played, or went well, in some of these places.
#[must_use]
pub fn text(outcomes: &[Outcome<'_>], paint: Paint) -> String {
    let mut out = String::new();
    for (rule, cases) in grouped(outcomes) {
        let everywhere = places(cases.iter().flat_map(|(_, runs)| runs.iter().copied()));
        let _ = writeln!(out, "{}  {}", paint.strong(&safe::line(rule)), paint.faint(&everywhere.join(", ")));
        for (case, runs) in cases {
            let passed = places(runs.iter().copied().filter(|run| run.passed));
            if !passed.is_empty() {
                let _ = write!(out, "  {}      {}", paint.added("ok"), safe::line(case));
                if passed != everywhere {
                    let _ = write!(out, "  {}", paint.faint(&passed.join(", ")));
                }
                out.push('\n');
                if let Some(by) = silenced_by(&runs) {
                    let _ = writeln!(out, "          {}", paint.faint(&by));
                }
            }
            for (run, places) in failed(&runs) {
                let _ = writeln!(
                    out,
                    "  {}  {}  {}",
                    paint.removed("FAILED"),
                    safe::line(case),
                    paint.faint(&places.join(", "))
                );
                for (number, reason) in run.reasons.iter().enumerate() {
                    let expected =
                        if number == 0 { format!("expected {}: ", run.expect) } else { String::new() };
                    let _ = writeln!(out, "          {expected}{}", safe::line(reason));
                }
                for row in &run.rows {
                    let line = match row {
                        RowLine::Missing(row) => paint.removed(&format!("- {}", safe::line(row))),
                        RowLine::Found(row) => paint.added(&format!("+ {}", safe::line(row))),
                    };
                    let _ = writeln!(out, "            {line}");
                }
            }
        }
    }
    out
}

/// Failures, those that are the same in several places once.
fn failed<'o, 'a>(runs: &[&'o Outcome<'a>]) -> Vec<(&'o Outcome<'a>, Vec<&'a str>)> {
    let mut groups: Vec<(&Outcome<'_>, Vec<&str>)> = Vec::new();
    for run in runs.iter().filter(|run| !run.passed) {
        let same = |known: &Outcome<'_>| {
            (known.expect, &known.reasons, &known.rows) == (run.expect, &run.reasons, &run.rows)
        };
        match groups.iter_mut().find(|(known, _)| same(known)) {
            Some((_, places)) => places.push(place(run)),
            None => groups.push((run, vec![place(run)])),
        }
    }
    groups
}

/// The places of outcomes, each once.
fn places<'o, 'a: 'o>(runs: impl Iterator<Item = &'o Outcome<'a>>) -> Vec<&'a str> {
    let mut places: Vec<&str> = Vec::new();
    for run in runs {
        if !places.contains(&place(run)) {
            places.push(place(run));
        }
    }
    places
}

/// The entries that silenced what passed.
fn silenced_by(runs: &[&Outcome<'_>]) -> Option<String> {
    let mut names: Vec<&str> = runs
        .iter()
        .filter(|run| run.passed)
        .flat_map(|run| run.silenced_by.iter().map(String::as_str))
        .collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("silenced by {}", safe::line(one))),
        [first, others @ ..] => Some(format!("silenced by {} and {} more", safe::line(first), others.len())),
    }
}

fn place<'a>(outcome: &Outcome<'a>) -> &'a str {
    outcome.environment.unwrap_or(BARE)
}

type Grouped<'o, 'a> = Vec<(&'a str, Vec<(&'a str, Vec<&'o Outcome<'a>>)>)>;

/// Rules by name, cases in the order of writing.
fn grouped<'o, 'a>(outcomes: &'o [Outcome<'a>]) -> Grouped<'o, 'a> {
    let mut rules: BTreeMap<&'a str, Vec<(&'a str, Vec<&'o Outcome<'a>>)>> = BTreeMap::new();
    for outcome in outcomes {
        let cases = rules.entry(outcome.rule.as_str()).or_default();
        let name = outcome.case.name.value.as_str();
        match cases.iter_mut().find(|(known, _)| *known == name) {
            Some((_, runs)) => runs.push(outcome),
            None => cases.push((name, vec![outcome])),
        }
    }
    let span = |runs: &[&Outcome<'_>]| runs.first().map(|run| run.case.name.span);
    for cases in rules.values_mut() {
        cases.sort_by_key(|(_, runs)| span(runs));
    }
    rules.into_iter().collect()
}

/// `{"cases": [{"rule", "environment", "case", "expect", "passed", "message"?}]}`; the environment is null for the rule as it
/// is written.
#[must_use]
pub fn json(outcomes: &[Outcome<'_>]) -> Value {
    let cases = outcomes.iter().map(|outcome| {
        let mut case = json!({
            "rule": outcome.rule.as_str(),
            "environment": outcome.environment,
            "case": outcome.case.name.value,
            "expect": outcome.expect,
            "passed": outcome.passed,
        });
        if let (Some(message), Some(case)) = (message(outcome), case.as_object_mut()) {
            case.insert("message".into(), message.into());
        }
        case
    });
    json!({ "cases": cases.collect::<Vec<_>>() })
}

fn message(outcome: &Outcome<'_>) -> Option<String> {
    if outcome.passed {
        let by = &outcome.silenced_by;
        return (!by.is_empty()).then(|| format!("silenced by {}", by.join(", ")));
    }
    Some(outcome.reasons.join("; "))
}

/// JUnit: a suite for each rule, a test for each case and environment.
#[must_use]
pub fn junit(outcomes: &[Outcome<'_>]) -> String {
    let failed = |outcomes: &[&Outcome<'_>]| outcomes.iter().filter(|outcome| !outcome.passed).count();
    let all: Vec<&Outcome<'_>> = outcomes.iter().collect();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"palisade\" tests=\"{}\" failures=\"{}\">\n",
        all.len(),
        failed(&all)
    );
    for (rule, cases) in grouped(outcomes) {
        let runs: Vec<&Outcome<'_>> = cases.into_iter().flat_map(|(_, runs)| runs).collect();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
            xml(rule),
            runs.len(),
            failed(&runs)
        );
        for run in runs {
            let name = format!("{} ({})", run.case.name.value, place(run));
            let _ = write!(out, "    <testcase classname=\"{}\" name=\"{}\"", xml(rule), xml(&name));
            if run.passed {
                out.push_str("/>\n");
                continue;
            }
            let rows = run.rows.iter().map(|row| match row {
                RowLine::Missing(row) => format!("- {row}"),
                RowLine::Found(row) => format!("+ {row}"),
            });
            let lines: Vec<String> = run.reasons.iter().cloned().chain(rows).collect();
            let _ = writeln!(
                out,
                ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                xml(&run.reasons.join("; ")),
                xml(&lines.join("\n"))
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text for XML 1.0, which has no way at all to write control characters. A build agent that sees it as lines of a log takes nothing in
/// it for a command.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = ' ';
    for c in text.chars() {
        let before = std::mem::replace(&mut last, c);
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '#' | ':' if before == c => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if is_bidi_control(c) || is_invisible(c) => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Queries with what the cases did to each condition; only lines with conditions are annotated.
#[must_use]
pub fn coverage(all: &[Coverage], paint: Paint) -> String {
    let mut out = String::new();
    for coverage in all {
        let exercised = coverage.conditions.iter().filter(|condition| condition.is_exercised()).count();
        let _ = writeln!(
            out,
            "{}  {} {}, {exercised} of {} conditions both ways",
            paint.strong(&safe::line(coverage.rule.as_str())),
            coverage.cases,
            if coverage.cases == 1 { "case" } else { "cases" },
            coverage.conditions.len(),
        );
        if let Some(reason) = &coverage.not_played {
            let _ = writeln!(out, "  {}", paint.removed(&safe::line(reason)));
        }
        let mut start = 0_usize;
        for (number, line) in coverage.text.split('\n').enumerate() {
            let _ = writeln!(out, "{:>4} | {}", number + 1, safe::line(line));
            let here = |condition: &&Condition| {
                let at = condition.span.start as usize;
                (start..=start + line.len()).contains(&at)
            };
            for condition in coverage.conditions.iter().filter(here) {
                let _ = writeln!(out, "     | {}", annotation(condition, start, line, &coverage.text, paint));
            }
            start += line.len() + 1;
        }
        out.push('\n');
    }
    out
}

/// `^^^^ yes 3, no 2`, under the condition.
fn annotation(condition: &Condition, start: usize, line: &str, text: &str, paint: Paint) -> String {
    let at = (condition.span.start as usize).saturating_sub(start);
    let indent = line.get(..at).map_or(at, |before| before.chars().count());
    let on_line = condition.span.of(text).lines().next().unwrap_or("");
    let marks = "^".repeat(on_line.chars().count().max(1));
    let counts = format!("yes {}, no {}", condition.yes, condition.no);
    let said = match (condition.yes, condition.no) {
        (0, 0) => paint.removed("never reached"),
        (0, _) => paint.removed(&format!("never true ({counts})")),
        (_, 0) => paint.changed(&format!("never false ({counts})")),
        _ => paint.added(&counts),
    };
    format!("{}{marks} {said}", " ".repeat(indent))
}
