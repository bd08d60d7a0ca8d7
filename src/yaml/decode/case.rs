//! Cases of a rule: `tests:` of the rule file, or `tests/<rule-id>.yaml`.
//!
//! ```yaml
//! clock: 2026-11-23T08:00:00Z
//! defaults: {DeviceProcessEvents: {DeviceName: pc-17.example.com}}
//! cases:
//!   - name: created by schtasks
//!     expect: {alert: {count: 1, columns: {Reasons: encoded}, entities: [Host]}}
//!     must_alert: true
//!     events:
//!       DeviceProcessEvents:
//!         - {FileName: powershell.exe, ProcessCommandLine: powershell -enc …}
//!       SecurityEvent: {file: events/4698.ndjson}
//! ```
//!
//! Cells stay nodes: what they may be depends on the schema of an environment.

use jiff::Timestamp;

use super::object::{Object, list, one_or_many, pairs, wrong_type};
use super::scalar::{boolean, int, invalid, line, text};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::case::{Alert, Case, EntityCheck, Expect, Feed, Row};
use crate::source::Spanned;
use crate::yaml::{Node, NodeKind};

/// Every key of a file of cases.
pub(crate) const SUITE_KEYS: &[&str] =
    &["clock", "defaults", "watchlists", "file_profiles", "external_data", "cases"];
/// Every key of a case.
pub(crate) const CASE_KEYS: &[&str] = &[
    "name",
    "description",
    "expect",
    "must_alert",
    "silenced_by",
    "environments",
    "clock",
    "events",
    "defaults",
    "watchlists",
    "file_profiles",
    "external_data",
];
/// Most cases of a rule.
const MOST_CASES: usize = 1_000;

/// The cases under `tests:` of a rule: a list of them, or the same mapping as in a file of their own.
#[must_use]
pub fn of_rule(node: &Node, out: &mut Diagnostics) -> Vec<Case> {
    match &node.kind {
        NodeKind::Seq(_) => cases(node, &Shared::default(), out),
        _ => Object::open(node, "the tests of a rule", SUITE_KEYS, out)
            .map(|object| suite(&object, out))
            .unwrap_or_default(),
    }
}

/// The cases of `tests/<rule-id>.yaml`.
#[must_use]
pub fn of_file(document: &Node, out: &mut Diagnostics) -> Vec<Case> {
    match &document.kind {
        NodeKind::Seq(_) => cases(document, &Shared::default(), out),
        _ => Object::open_file(document, "the tests of a rule", SUITE_KEYS, out)
            .map(|object| suite(&object, out))
            .unwrap_or_default(),
    }
}

/// What all cases of a file have in common.
#[derive(Default)]
struct Shared {
    clock: Option<Spanned<Timestamp>>,
    defaults: Vec<(Spanned<String>, Row)>,
    watchlists: Vec<Feed>,
    file_profiles: Option<Feed>,
    external_data: Vec<Feed>,
}

fn suite(file: &Object<'_>, out: &mut Diagnostics) -> Vec<Case> {
    let shared = Shared {
        clock: file.optional("clock", out, time),
        defaults: file.optional("defaults", out, defaults).unwrap_or_default(),
        watchlists: file.optional("watchlists", out, feeds).unwrap_or_default(),
        file_profiles: file.optional("file_profiles", out, file_profiles),
        external_data: file.optional("external_data", out, feeds).unwrap_or_default(),
    };
    file.required("cases", out, |node, out| Some(cases(node, &shared, out))).unwrap_or_default()
}

fn cases(node: &Node, shared: &Shared, out: &mut Diagnostics) -> Vec<Case> {
    if let NodeKind::Seq(items) = &node.kind
        && (items.is_empty() || items.len() > MOST_CASES)
    {
        let label = format!("a list of {} cases", items.len());
        let help = format!("write from 1 to {MOST_CASES} cases");
        out.push(invalid(node.span, "no cases, or too many", label).with_help(help));
    }
    list(node, out, |node, out| case(node, shared, out)).unwrap_or_default()
}

fn case(node: &Node, shared: &Shared, out: &mut Diagnostics) -> Option<Case> {
    let object = Object::open(node, "a case", CASE_KEYS, out)?;
    let name = object.required("name", out, line);
    let must_alert = object.optional("must_alert", out, boolean).is_some_and(|found| found.value);
    let silenced_by = object.optional("silenced_by", out, line);
    let expect = if (must_alert || silenced_by.is_some()) && !object.has("expect") {
        Some(if must_alert { Expect::Alert(Alert::default()) } else { Expect::Silent })
    } else {
        object.required("expect", out, expect)
    };
    let own_feeds = |mut own: Vec<Feed>, shared: &[Feed]| {
        let missing =
            shared.iter().filter(|feed| own.iter().all(|known| known.name.value != feed.name.value));
        let missing: Vec<Feed> = missing.cloned().collect();
        own.extend(missing);
        own
    };
    let events = object.required("events", out, feeds);
    let mut own_defaults = object.optional("defaults", out, defaults).unwrap_or_default();
    own_defaults.extend(shared.defaults.iter().cloned());
    let watchlists = object.optional("watchlists", out, feeds).unwrap_or_default();
    let external = object.optional("external_data", out, feeds).unwrap_or_default();
    let case = Case {
        name: name?,
        description: object.optional("description", out, text),
        expect: expect?,
        must_alert,
        silenced_by,
        environments: object
            .optional("environments", out, |node, out| one_or_many(node, out, line))
            .unwrap_or_default(),
        clock: object.optional("clock", out, time).or_else(|| shared.clock.clone()),
        events: events?,
        defaults: own_defaults,
        watchlists: own_feeds(watchlists, &shared.watchlists),
        file_profiles: object
            .optional("file_profiles", out, file_profiles)
            .or_else(|| shared.file_profiles.clone()),
        external_data: own_feeds(external, &shared.external_data),
    };
    contradictions(&object, &case, out);
    Some(case)
}

/// Keys that say opposite things.
fn contradictions(object: &Object<'_>, case: &Case, out: &mut Diagnostics) {
    let mut refuse = |key: &str, why: &str, help: &str| {
        if let Some((key, _)) = object.member(key) {
            out.push(
                Diagnostic::error(codes::MISPLACED_KEY, "the case contradicts itself")
                    .labelled(key.span, why)
                    .with_help(help),
            );
        }
    };
    let silent = matches!(case.expect, Expect::Silent);
    if case.must_alert && silent {
        refuse(
            "must_alert",
            "the same case expects silence",
            "write `expect: alert`, or remove `must_alert`",
        );
    }
    if case.must_alert && !case.environments.is_empty() {
        refuse(
            "environments",
            "an attack that must alert must do so everywhere",
            "remove `environments`: nothing may silence it, wherever the rule is deployed",
        );
    }
    if case.silenced_by.is_some() && !silent {
        refuse("silenced_by", "the same case expects an alert", "write `expect: silent`, or remove the key");
    }
}

fn expect(node: &Node, out: &mut Diagnostics) -> Option<Expect> {
    match &node.kind {
        NodeKind::Str(word) if word.value == "silent" => Some(Expect::Silent),
        NodeKind::Str(word) if word.value == "alert" => Some(Expect::Alert(Alert::default())),
        NodeKind::Map(_) => {
            let object = Object::open(node, "an expectation", &["alert"], out)?;
            object.required("alert", out, alert).map(Expect::Alert)
        }
        _ => {
            out.push(
                wrong_type(node, "`alert`, `silent` or `{alert: …}`")
                    .with_help("`alert: {count, columns, rows, entities}` says what the rows must be"),
            );
            None
        }
    }
}

fn alert(node: &Node, out: &mut Diagnostics) -> Option<Alert> {
    let object = Object::open(node, "an alert", &["count", "columns", "rows", "entities"], out)?;
    Some(Alert {
        count: object.optional("count", out, int(0, 1_000_000)),
        columns: object.optional("columns", out, row).map(|row| row.cells).unwrap_or_default(),
        rows: object.list("rows", out, row),
        entities: object.optional("entities", out, entities).unwrap_or_default(),
    })
}

/// `[Host, Account]`, or `{Host: pc-17, Account: [a, b]}`.
fn entities(node: &Node, out: &mut Diagnostics) -> Option<Vec<EntityCheck>> {
    let check = |(kind, values)| EntityCheck { kind, values };
    match &node.kind {
        NodeKind::Map(_) => {
            let read = |node: &Node, out: &mut Diagnostics| one_or_many(node, out, line);
            let found = pairs(node, "a mapping of entities to values", out, read)?;
            Some(found.into_iter().map(check).collect())
        }
        _ => {
            let kinds = one_or_many(node, out, line)?;
            Some(kinds.into_iter().map(|kind| check((kind, Vec::new()))).collect())
        }
    }
}

/// Names with their rows: in place, or `{file: …}`.
fn feeds(node: &Node, out: &mut Diagnostics) -> Option<Vec<Feed>> {
    let object = Object::open_any(node, "a mapping of names to rows", out)?;
    let mut feeds = Vec::new();
    for (key, value) in object.entries() {
        feeds.extend(feed(Spanned::new(key.name.clone(), key.span), value, out));
    }
    Some(feeds)
}

fn file_profiles(node: &Node, out: &mut Diagnostics) -> Option<Feed> {
    feed(Spanned::new("file_profiles".to_owned(), node.span), node, out)
}

fn feed(name: Spanned<String>, node: &Node, out: &mut Diagnostics) -> Option<Feed> {
    match &node.kind {
        NodeKind::Map(_) => {
            let object = Object::open(node, "a source of rows", &["file", "rows"], out)?;
            let files = object.optional("file", out, |node, out| one_or_many(node, out, line));
            let rows = object.list("rows", out, row);
            if files.is_none() && !object.has("rows") {
                out.push(object.missing("file"));
                return None;
            }
            Some(Feed { name, rows, files: files.unwrap_or_default() })
        }
        NodeKind::Null => Some(Feed { name, rows: Vec::new(), files: Vec::new() }),
        _ => Some(Feed { name, rows: list(node, out, row)?, files: Vec::new() }),
    }
}

fn defaults(node: &Node, out: &mut Diagnostics) -> Option<Vec<(Spanned<String>, Row)>> {
    let object = Object::open_any(node, "a mapping of tables to values", out)?;
    let mut found = Vec::new();
    for (key, value) in object.entries() {
        found.extend(row(value, out).map(|row| (Spanned::new(key.name.clone(), key.span), row)));
    }
    Some(found)
}

/// Columns and values. Unlike elsewhere, an empty value means something: the column has none.
pub fn row(node: &Node, out: &mut Diagnostics) -> Option<Row> {
    match &node.kind {
        NodeKind::Map(entries) => Some(Row { cells: entries.clone(), text_only: false }),
        _ => {
            out.push(wrong_type(node, "a mapping of columns to values"));
            None
        }
    }
}

/// A moment: `2026-11-23T08:00:00Z`, or a day for its first moment (UTC).
fn time(node: &Node, out: &mut Diagnostics) -> Option<Spanned<Timestamp>> {
    let found = line(node, out)?;
    let value = found.value.parse::<Timestamp>().ok().or_else(|| {
        let day = found.value.parse::<jiff::civil::Date>().ok().filter(|_| found.value.len() == 10)?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    if value.is_none() {
        out.push(
            invalid(node.span, "not a time", "not a time in UTC")
                .with_help("write it like 2026-11-23T08:00:00Z"),
        );
    }
    value.map(|value| Spanned::new(value, node.span))
}
