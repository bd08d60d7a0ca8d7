//! A plan as text for people: counts first, then what reduces coverage, then every change with its fields.

use std::fmt::Write as _;

use serde_json::Value;

use crate::diff::{FieldChange, Hunk, LineTag, hunks};
use crate::kql::{self, Token, TokenKind};
use crate::plan::{Action, Change, Class, EntryChange, Plan, Provenance, Summary};
use crate::resource::{Kind, LineOrigin};

use super::estimate;
use super::paint::Paint;
use super::safe;

/// How many unchanged lines are shown around a changed one.
const CONTEXT: usize = 3;

/// From how many characters on the values of a new rule are cut: `render` prints them whole. Changes are never cut.
pub(super) const NEW_VALUE: usize = 72;

/// How many items of a new watchlist are shown; the others are counted. Changes are never cut.
const NEW_ITEMS: usize = 10;

/// The whole plan.
#[must_use]
pub fn text(plan: &Plan, paint: Paint) -> String {
    let mut out = String::new();
    header(&mut out, plan, paint);
    let _ = writeln!(out, "{}", paint.strong(&counts(&plan.summary)));
    if let Some(estimate) = estimate::sentence(plan) {
        let _ = writeln!(out, "{estimate}");
    }
    changed_entries(&mut out, plan, paint);
    drift_notes(&mut out, plan, paint);
    coverage(&mut out, plan, paint);
    for change in &plan.changes {
        out.push('\n');
        one(&mut out, change, paint);
    }
    listed(&mut out, plan, paint);
    for guard in &plan.guards {
        let _ = writeln!(
            out,
            "\n{} {}: {} planned, {} allowed. Approve the number for this run with {}.",
            paint.alarm("Refused by a guard:"),
            safe::line(&guard.guard),
            guard.planned,
            guard.allowed,
            safe::line(&guard.option)
        );
    }
    safe::composed(out)
}

/// `Plan: 2 to create, 1 to update, …`, or `No changes.`
#[must_use]
pub fn counts(summary: &Summary) -> String {
    let changes =
        summary.create + summary.update + summary.delete + summary.replace + summary.adopt + summary.blocked;
    if changes == 0 {
        let mut text = match summary.no_op {
            1 => "No changes. 1 rule is as its file says.".to_owned(),
            count => format!("No changes. {count} rules are as their files say."),
        };
        if summary.exceptions > 0 {
            let _ = write!(text, " Allowlist exceptions: {}.", summary.exceptions);
        }
        return text;
    }
    let mut text = format!(
        "Plan: {} to create, {} to update, {} to delete, {} unchanged.",
        summary.create, summary.update, summary.delete, summary.no_op
    );
    for (count, what) in [
        (summary.replace, "To replace"),
        (summary.adopt, "To adopt"),
        (summary.coverage_reducing, "Coverage-reducing"),
        (summary.drift, "Drift"),
        (summary.conflict, "Conflicts"),
        (summary.blocked, "Blocked"),
        (summary.exceptions, "Allowlist exceptions"),
    ] {
        if count > 0 {
            let _ = write!(text, " {what}: {count}.");
        }
    }
    text
}

fn header(out: &mut String, plan: &Plan, paint: Paint) {
    let _ = writeln!(
        out,
        "{}  {}",
        paint.strong(&safe::line(&plan.environment)),
        paint.faint(&format!("tenant {}  owner {}", safe::line(&plan.tenant_id), safe::line(&plan.owner)))
    );
}

/// What a plan that is limited to a difference is limited to. Without a revision the lines of each change say the same.
fn changed_entries(out: &mut String, plan: &Plan, paint: Paint) {
    let Some(revision) = &plan.changed_since else { return };
    let revision = safe::line(revision);
    let _ = writeln!(out, "{}", paint.faint(&format!("Only what changed since {revision} was considered.")));
    if plan.changed_entries.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.strong(&format!("Allowlist entries changed since {revision}")));
    for one in &plan.changed_entries {
        let sign = match one.change {
            EntryChange::Added => paint.added("+"),
            EntryChange::Removed => paint.removed("-"),
            EntryChange::Changed | EntryChange::Written => paint.changed("~"),
        };
        let _ = writeln!(out, "  {sign} {}  {}", safe::line(&one.entry), paint.faint(one.change.word()));
        for rule in &one.rules {
            let _ = writeln!(out, "      {}", safe::line(rule));
        }
    }
}

fn drift_notes(out: &mut String, plan: &Plan, paint: Paint) {
    if plan.drift.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.changed("Changed outside of Palisade"));
    for note in &plan.drift {
        let fields = if note.fields.is_empty() {
            "only the marker".to_owned()
        } else {
            safe::line(&note.fields.join(", "))
        };
        let mut by = String::new();
        if let Some(who) = &note.modified_by {
            let _ = write!(by, " by {}", safe::line(who));
        }
        if let Some(when) = &note.modified_at {
            let _ = write!(by, " at {}", safe::line(when));
        }
        let _ = writeln!(out, "  {}: {fields}{}", safe::line(&note.address), paint.faint(&by));
    }
}

fn coverage(out: &mut String, plan: &Plan, paint: Paint) {
    let reducing: Vec<&Change> =
        plan.changes.iter().filter(|change| !change.coverage_reducing.is_empty()).collect();
    if reducing.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.alarm("! Coverage-reducing"));
    for change in reducing {
        for reduction in &change.coverage_reducing {
            let _ = writeln!(
                out,
                "  {} {}  {}: {}",
                symbol(change, paint),
                safe::line(&change.address),
                safe::line(&reduction.kind.replace('_', " ")),
                safe::line(&reduction.detail)
            );
        }
    }
}

fn symbol(change: &Change, paint: Paint) -> String {
    match plain_symbol(change) {
        sign @ "x" => paint.alarm(sign),
        sign @ "+" => paint.added(sign),
        sign @ "-" => paint.removed(sign),
        sign => paint.changed(sign),
    }
}

/// `+`, `~`, `-`, `-/+`, `^` (adopt), or `x` for what is held back.
pub(super) fn plain_symbol(change: &Change) -> &'static str {
    match (change.blocked.is_some(), change.actions.as_slice()) {
        (true, _) => "x",
        (_, [Action::Create]) => "+",
        (_, [Action::Update]) => "~",
        (_, [Action::Delete]) => "-",
        (_, [Action::Adopt]) => "^",
        _ => "-/+",
    }
}

pub(super) fn what(change: &Change) -> &'static str {
    match (change.actions.as_slice(), change.class) {
        ([Action::Create], _) => "create",
        ([Action::Delete], _) => "delete",
        ([Action::Adopt], _) => "adopt: write the ownership marker, nothing else",
        ([Action::Update], Class::Drift) => "update in place: undo a change made outside of Palisade",
        ([Action::Update], Class::Conflict) => "update in place: changed here and outside of Palisade",
        ([Action::Update], Class::Migrated) => "migrate in place: the same content in the present shape",
        ([Action::Update], Class::Adopted) if is_only_shape(change) => "adopt and migrate in place",
        ([Action::Update], Class::Adopted) => "adopt and update in place",
        ([Action::Update], Class::Foreign) => "take over and update in place",
        ([Action::Update], _) => "update in place",
        _ => "replace",
    }
}

/// Nothing but the shape differs, and the marker.
fn is_only_shape(change: &Change) -> bool {
    change.rewrites_shape() && change.fields.len() == 1
}

fn one(out: &mut String, change: &Change, paint: Paint) {
    let _ = writeln!(
        out,
        "{} {}  {}",
        symbol(change, paint),
        paint.strong(&safe::line(&change.address)),
        what(change)
    );
    let _ = writeln!(
        out,
        "    {}",
        paint.faint(&format!("{}  {}", safe::line(change.kind.as_str()), quote(&change.name)))
    );
    if let Some(blocked) = &change.blocked {
        let _ = writeln!(out, "    {} {}", paint.alarm("BLOCKED:"), safe::line(blocked));
    }
    if let Some(note) = &change.note {
        let _ = writeln!(out, "    {}", paint.faint(&format!("# {}", safe::line(note))));
    }
    let creating = change.actions == [Action::Create];
    let mut items = 0_usize;
    for field in &change.fields {
        if creating && change.kind == Kind::Watchlist && field.path.starts_with("items.") {
            items += 1;
            if items > NEW_ITEMS {
                continue;
            }
        }
        match (creating, is_text(field)) {
            (true, true) => new_text(out, field, &change.provenance, paint),
            (true, false) => new_value(out, field, paint),
            (false, _) => changed_field(out, field, &change.provenance, paint),
        }
    }
    if items > NEW_ITEMS {
        let _ = writeln!(out, "    {}", paint.faint(&format!("# and {} more items", items - NEW_ITEMS)));
    }
}

/// One field from its value before to the one after: as lines where lines matter.
pub(super) fn changed_field(out: &mut String, field: &FieldChange, provenance: &[Provenance], paint: Paint) {
    if is_text(field) {
        changed_text(out, field, provenance, paint);
    } else {
        changed_value(out, field, paint);
    }
}

/// Fields whose lines matter.
pub(super) fn is_text(field: &FieldChange) -> bool {
    let long = |value: &Value| value.as_str().is_some_and(|text| text.contains('\n'));
    is_query(field) || long(&field.before) || long(&field.after)
}

pub(super) fn is_query(field: &FieldChange) -> bool {
    field.path == "query" || field.path == "queryCondition.queryText"
}

/// A new rule's text is only counted, but every allowlist line in it is shown with its source.
fn new_text(out: &mut String, field: &FieldChange, provenance: &[Provenance], paint: Paint) {
    let text = field.after.as_str().unwrap_or("");
    let lines: Vec<&str> = text.lines().collect();
    let _ = writeln!(out, "    {} {}: {} lines", paint.added("+"), safe::line(&field.path), lines.len());
    if !is_query(field) {
        return;
    }
    for one in provenance {
        if let (LineOrigin::Allowlist { entries }, Some(line)) = (&one.origin, lines.get(one.line - 1))
            && !entries.is_empty()
        {
            let gutter = format!("      {:>4} + ", one.line);
            let _ = writeln!(out, "{}{}", paint.faint(&gutter), paint.added(&safe::line(line)));
            origin_line(out, &one.origin, gutter.len(), paint);
        }
    }
}

fn changed_text(out: &mut String, field: &FieldChange, provenance: &[Provenance], paint: Paint) {
    let (before, after) = (field.before.as_str().unwrap_or(""), field.after.as_str().unwrap_or(""));
    let _ = writeln!(
        out,
        "    {} {}{}",
        paint.changed("~"),
        safe::line(&field.path),
        paint.faint(layout_note(field))
    );
    for (number, hunk) in hunks(before, after, CONTEXT).iter().enumerate() {
        if number > 0 {
            let _ = writeln!(out, "      {}", paint.faint("   …"));
        }
        let provenance = if is_query(field) { provenance } else { &[] };
        hunk_lines(out, hunk, provenance, paint);
    }
}

/// Says when a query means what it meant: only its white space or its comments changed.
pub(super) fn layout_note(field: &FieldChange) -> &'static str {
    let (Some(before), Some(after), true) = (field.before.as_str(), field.after.as_str(), is_query(field))
    else {
        return "";
    };
    match (kql::lex(before), kql::lex(after)) {
        (old, new) if !same_text(before, &old, after, &new, |token| !token.is_trivia()) => "",
        (old, new) if same_text(before, &old, after, &new, |token| token.kind != TokenKind::Whitespace) => {
            "  # only white space changed"
        }
        _ => "  # only comments and white space changed",
    }
}

/// Whether the chosen tokens of two texts are the same, one by one.
fn same_text(
    before: &str,
    old: &[Token],
    after: &str,
    new: &[Token],
    choose: impl Fn(&Token) -> bool,
) -> bool {
    let old = old.iter().filter(|token| choose(token)).map(|token| token.text(before));
    let new = new.iter().filter(|token| choose(token)).map(|token| token.text(after));
    old.eq(new)
}

fn hunk_lines(out: &mut String, hunk: &Hunk, provenance: &[Provenance], paint: Paint) {
    for line in &hunk.lines {
        let (number, sign) = match line.tag {
            LineTag::Equal => (line.new, ' '),
            LineTag::Removed => (line.old, '-'),
            LineTag::Added => (line.new, '+'),
        };
        let gutter = format!("      {:>4} {sign} ", number.unwrap_or(0));
        let pieces = line.pieces.iter().map(|(marked, piece)| (*marked, piece.as_str()));
        let body: String = safe::pieces(pieces)
            .into_iter()
            .map(|(marked, piece)| match (line.tag, marked) {
                (LineTag::Equal, _) => piece,
                (LineTag::Removed, false) => paint.removed(&piece),
                (LineTag::Removed, true) => paint.removed_word(&piece),
                (LineTag::Added, false) => paint.added(&piece),
                (LineTag::Added, true) => paint.added_word(&piece),
            })
            .collect();
        let _ = writeln!(out, "{}{body}", paint.faint(&gutter));
        if line.tag == LineTag::Added
            && let Some(source) = provenance.iter().find(|one| Some(one.line) == line.new)
        {
            origin_line(out, &source.origin, gutter.len(), paint);
        }
    }
}

fn origin_line(out: &mut String, origin: &LineOrigin, indent: usize, paint: Paint) {
    if let Some(text) = origin_text(origin) {
        let _ = writeln!(out, "{:indent$}{}", "", paint.faint(&format!("└ {}", safe::line(&text))));
    }
}

/// Where a line came from, unless it is the rule's own.
pub(super) fn origin_text(origin: &LineOrigin) -> Option<String> {
    match origin {
        LineOrigin::Allowlist { entries } if !entries.is_empty() => Some(entries.join(", ")),
        LineOrigin::Parameter { path, line, name } => Some(format!("{path}:{line} (parameter {name})")),
        _ => None,
    }
}

/// `+ severity: "High"`, cut when it is long.
fn new_value(out: &mut String, field: &FieldChange, paint: Paint) {
    let text = whole(&field.after);
    let length = text.chars().count();
    let text = if length > NEW_VALUE {
        let head: String = text.chars().take(NEW_VALUE).collect();
        format!("{head}… ({length} characters)")
    } else {
        text
    };
    let _ = writeln!(out, "    {} {}: {text}", paint.added("+"), safe::line(&field.path));
}

/// `~ severity: "High" → "Low"`; what is too long for one line gets one line each.
fn changed_value(out: &mut String, field: &FieldChange, paint: Paint) {
    let (sign, before, after) = match (&field.before, &field.after) {
        (Value::Null, after) => (paint.added("+"), None, Some(whole(after))),
        (before, Value::Null) => (paint.removed("-"), Some(whole(before)), None),
        (before, after) => (paint.changed("~"), Some(whole(before)), Some(whole(after))),
    };
    let path = safe::line(&field.path);
    let _ = match (before, after) {
        (Some(before), Some(after)) if before.chars().count() + after.chars().count() > NEW_VALUE => {
            let (before, after) = (paint.removed(&before), paint.added(&after));
            writeln!(out, "    {sign} {path}:\n        - {before}\n        + {after}")
        }
        (Some(before), Some(after)) => {
            writeln!(out, "    {sign} {path}: {} → {}", paint.removed(&before), paint.added(&after))
        }
        (Some(before), None) => writeln!(out, "    {sign} {path}: {} → nothing", paint.removed(&before)),
        (None, after) => writeln!(out, "    {sign} {path}: {}", paint.added(&after.unwrap_or_default())),
    };
}

pub(super) fn whole(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            format!("[{}]", items.iter().map(whole).collect::<Vec<_>>().join(", "))
        }
        other => safe::line(&other.to_string()),
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", safe::line(text))
}

fn listed(out: &mut String, plan: &Plan, paint: Paint) {
    let of = |class: &str| plan.listed.iter().filter(|one| one.class == class).collect::<Vec<_>>();
    for one in of("auto_disabled") {
        let _ = writeln!(
            out,
            "\n{} {} was switched off by the service{}; it stays off unless --reenable-auto-disabled is given.",
            paint.alarm("z"),
            safe::line(&one.address),
            one.detail.as_ref().map(|reason| format!(" ({})", safe::line(reason))).unwrap_or_default()
        );
    }
    let orphans = of("orphan");
    if !orphans.is_empty() {
        let _ = writeln!(out, "\nOrphans of this environment, kept:");
        for one in orphans {
            let _ = writeln!(out, "    {}  {}", safe::line(&one.address), quote(&one.name));
        }
    }
    let waiting = of("adoptable").len();
    if waiting > 0 {
        let text = match waiting {
            1 => "1 rule waits to be adopted".to_owned(),
            count => format!("{count} rules wait to be adopted"),
        };
        let environment = safe::line(&plan.environment);
        let text = format!("{text}: `palisade adopt -e {environment}` writes the ownership marker.");
        let _ = writeln!(out, "\n{}", paint.faint(&text));
    }
    let retired = of("retired_shape").len();
    if retired > 0 {
        let text = match retired {
            1 => "1 rule still has the shape that was retired on 2026-10-01".to_owned(),
            count => format!("{count} rules still have the shape that was retired on 2026-10-01"),
        };
        let them = if retired == 1 { "it" } else { "them" };
        let environment = safe::line(&plan.environment);
        let text = format!("{text}: `palisade migrate -e {environment}` rewrites {them} in place.");
        let _ = writeln!(out, "\n{}", paint.faint(&text));
    }
    for (class, title) in [("not_adopted", "Not adopted:"), ("not_migrated", "Not migrated:")] {
        let left = of(class);
        if !left.is_empty() {
            let _ = writeln!(out, "\n{title}");
        }
        for one in left {
            let detail = one.detail.as_deref().unwrap_or_default();
            let _ = writeln!(out, "    {}  {}", safe::line(&one.address), safe::line(detail));
        }
    }
    let (foreign, unmanaged) = (plan.summary.foreign, plan.summary.unmanaged);
    if foreign + unmanaged > 0 {
        let text = format!("Left alone: {unmanaged} unmanaged, {foreign} of other owners.");
        let _ = writeln!(out, "\n{}", paint.faint(&text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_layout_is_called_so() {
        let note = |before: &str, after: &str| {
            layout_note(&FieldChange { path: "query".into(), before: before.into(), after: after.into() })
        };
        let reference = "T | where a == \"x  y\" // why";
        assert_eq!(note(reference, "T\n| where a==\"x  y\"   // why"), "  # only white space changed");
        assert_eq!(note(reference, "T | where a == \"x  y\""), "  # only comments and white space changed");
        assert_eq!(note(reference, "T | where a == \"x y\" // why"), "");
    }
}
