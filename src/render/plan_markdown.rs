//! Plans as markdown, for a comment under a pull request, a step summary, or a report: what reduces coverage first, every
//! rule's difference to fold out, and never more than a given size. What does not fit is counted.

use std::fmt::Write as _;

use crate::diff::{FieldChange, LineTag, hunks};
use crate::plan::{Action, Change, ChangedEntry, Plan, Provenance};
use crate::resource::LineOrigin;

use super::estimate;
use super::markdown::{Page, code, fence, html, prose};
use super::plan::{
    NEW_VALUE, counts, is_query, is_text, layout_note, origin_text, plain_symbol, what, whole,
};

/// How many unchanged lines are shown around a changed one.
const CONTEXT: usize = 3;

/// By this a pipeline finds the comment that it wrote earlier.
pub const MARK: &str = "<!-- palisade plan -->";

/// Plans as markdown.
#[derive(Debug, PartialEq, Eq)]
pub struct PlanMarkdown {
    /// The document.
    pub text: String,
    /// Changes that are shown with all they change.
    pub whole: usize,
    /// Changes in all.
    pub changes: usize,
}

/// The plans of one or several environments on one page of at most `limit` bytes.
#[must_use]
pub fn markdown(plans: &[&Plan], limit: usize) -> PlanMarkdown {
    let mut page = Page::new(limit);
    head(&mut page, plans);
    let mut whole = 0;
    let changed: Vec<&&Plan> = plans.iter().filter(|plan| has_something_to_say(plan)).collect();
    for (number, plan) in changed.iter().enumerate() {
        // Every environment gets its share of what is left, so that the first one does not take it all.
        let end = page.len() + page.room() / (changed.len() - number);
        if !page.push_within(&title(plan, plans.len()), end) {
            let rest = changed.len() - number;
            page.note(&format!(
                "\n… and {rest} more environment{} with changes.\n",
                if rest == 1 { "" } else { "s" }
            ));
            break;
        }
        let mut part = Page::new(end.saturating_sub(page.len()).saturating_add(Page::TAIL));
        whole += one(&mut part, plan);
        page.note(&part.finish(""));
    }
    let changes = plans.iter().map(|plan| plan.changes.len()).sum();
    let last = if whole < changes {
        format!(
            "\n_{whole} of {changes} changes are shown whole: this page may have {limit} bytes. The plan's JSON has all._\n"
        )
    } else {
        String::new()
    };
    PlanMarkdown { text: page.finish(&last), whole, changes }
}

fn has_something_to_say(plan: &Plan) -> bool {
    let listed = plan.listed.iter().any(|one| matches!(one.class.as_str(), "orphan" | "auto_disabled"));
    !plan.changes.is_empty() || !plan.drift.is_empty() || listed
}

fn head(page: &mut Page, plans: &[&Plan]) {
    match plans {
        [plan] => {
            page.push(&format!(
                "{MARK}\n## Plan for {}\n\n{}\n\n{}",
                code(&plan.environment),
                strong_counts(plan),
                facts(plan)
            ));
        }
        several => {
            page.push(&format!("{MARK}\n## Plans for {} environments\n\n", several.len()));
            table(page, several);
        }
    }
}

/// `Plan: 1 to create, …` with what to look at in bold.
fn strong_counts(plan: &Plan) -> String {
    let mut text = counts(&plan.summary);
    for word in ["Coverage-reducing", "Conflicts", "Blocked", "Drift"] {
        if let Some(start) = text.find(&format!("{word}: ")) {
            let end = text
                .get(start..)
                .and_then(|rest| rest.find('.'))
                .map_or(text.len(), |length| start + length + 1);
            text.insert_str(end, "**");
            text.insert_str(start, "**");
        }
    }
    text
}

fn facts(plan: &Plan) -> String {
    let estimate = estimate::sentence(plan).map(|text| format!("{text}\n\n")).unwrap_or_default();
    format!(
        "{estimate}Tenant {}, owner {}. Valid until {}. Digest {}\n",
        code(&plan.tenant_id),
        code(&plan.owner),
        code(&plan.valid_until),
        code(&plan.digest)
    )
}

fn table(page: &mut Page, plans: &[&Plan]) {
    page.push(
        "| Environment | Create | Update | Delete | Replace | Adopt | Unchanged | Coverage-reducing | Drift | Blocked |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n",
    );
    let end = page.len() + page.room() / 2;
    let row = |plan: &&&Plan| {
        let s = &plan.summary;
        let numbers = [
            s.create,
            s.update,
            s.delete,
            s.replace,
            s.adopt,
            s.no_op,
            s.coverage_reducing,
            s.drift + s.conflict,
            s.blocked,
        ];
        let cells: Vec<String> = numbers
            .iter()
            .map(|count| if *count == 0 { "·".to_owned() } else { count.to_string() })
            .collect();
        format!("| {} | {} |\n", prose(&plan.environment), cells.join(" | "))
    };
    let shown = plans.iter().take_while(|plan| page.push_within(&row(plan), end)).count();
    if shown < plans.len() {
        page.note(&format!("\n… and {} more environments\n", plans.len() - shown));
    }
}

fn title(plan: &Plan, plans: usize) -> String {
    if plans == 1 {
        return String::new();
    }
    format!("\n## {}\n\n{}\n\n{}", code(&plan.environment), strong_counts(plan), facts(plan))
}

/// Everything of one environment; how many changes are shown whole.
fn one(page: &mut Page, plan: &Plan) -> usize {
    let guards = plan.guards.iter().map(|guard| {
        let (planned, allowed) = (guard.planned, guard.allowed);
        format!(
            "{}: {planned} planned, {allowed} allowed. If that is right: {}",
            code(&guard.guard),
            code(&guard.option)
        )
    });
    page.list("### Refused by a guard", &guards.collect::<Vec<_>>());
    let reductions = plan.changes.iter().flat_map(|change| {
        change.coverage_reducing.iter().map(|reduction| {
            let kind = prose(&reduction.kind.replace('_', " "));
            format!("{} {kind}: {}", code(&change.address), code(&reduction.detail))
        })
    });
    page.list("### Coverage-reducing", &reductions.collect::<Vec<_>>());
    let heading = match &plan.changed_since {
        Some(revision) => format!("### Allowlist entries changed since {}", code(revision)),
        None => "### Changed allowlist entries, with the rules that they change".to_owned(),
    };
    page.list(&heading, &entries(plan));
    let drift = plan.drift.iter().map(|note| {
        let fields: Vec<String> = note.fields.iter().map(|field| code(field)).collect();
        let fields = if fields.is_empty() { "only the marker".to_owned() } else { fields.join(", ") };
        let by = note.modified_by.as_ref().map(|who| format!(" by {}", code(who))).unwrap_or_default();
        let at = note.modified_at.as_ref().map(|when| format!(" at {}", code(when))).unwrap_or_default();
        format!("{}: {fields}{by}{at}", code(&note.address))
    });
    page.list("### Changed outside of Palisade", &drift.collect::<Vec<_>>());
    let listed = |class: &'static str| plan.listed.iter().filter(move |one| one.class == class);
    let disabled = listed("auto_disabled").map(|one| {
        let reason = one.detail.as_ref().map(|reason| format!(": {}", code(reason))).unwrap_or_default();
        format!("{}{reason}", code(&one.address))
    });
    page.list("### Switched off by the service, and left off", &disabled.collect::<Vec<_>>());
    let orphans = listed("orphan").map(|one| format!("{} {}", code(&one.address), code(&one.name)));
    page.list("### Orphans of this environment, kept", &orphans.collect::<Vec<_>>());
    changes(page, &plan.changes)
}

/// `+ entry → rules`: how each changed entry changed, and the rules that it changes.
fn entries(plan: &Plan) -> Vec<String> {
    /// Rules that are named for one entry.
    const NAMED: usize = 5;
    let line = |changed: &ChangedEntry| {
        let mut names: Vec<String> = changed.rules.iter().take(NAMED).map(|rule| code(rule)).collect();
        if changed.rules.len() > NAMED {
            names.push(format!("and {} more", changed.rules.len() - NAMED));
        }
        format!("{} {} → {}", code(&changed.entry), changed.change.word(), names.join(", "))
    };
    plan.changed_entries.iter().map(line).collect()
}

/// The changes with their differences; one line for those whose difference does not fit, a count for the rest.
fn changes(page: &mut Page, changes: &[Change]) -> usize {
    /// About the length of such a line.
    const LINE: usize = 120;
    if changes.is_empty() || !page.push("\n### Changes\n\n") {
        return 0;
    }
    let (mut whole, mut in_list) = (0, false);
    for (number, change) in changes.iter().enumerate() {
        let rest = changes.len() - number;
        let kept = (rest * LINE).min(page.room() / 4);
        let end = page.len() + page.room() - kept;
        let block = block(change);
        let separator = if in_list { "\n" } else { "" };
        let fits = match &block {
            Some(block) => page.push_within(&format!("{separator}{block}"), end),
            None => page.push(&format!("{}\n", line(change, ""))),
        };
        if fits {
            whole += 1;
        } else {
            let note = if block.is_some() { " (too long to be shown here)" } else { "" };
            if !page.push(&format!("{}\n", line(change, note))) {
                page.note(&format!("- … and {rest} more\n"));
                return whole;
            }
        }
        in_list = !fits || block.is_none();
    }
    whole
}

fn line(change: &Change, note: &str) -> String {
    let blocked =
        change.blocked.as_ref().map(|why| format!(" **Blocked:** {}", prose(why))).unwrap_or_default();
    format!("- {} {} {}{note}{blocked}", code(plain_symbol(change)), code(&change.address), what(change))
}

/// A change to fold out; `None` when there is nothing to see.
fn block(change: &Change) -> Option<String> {
    let lines: Vec<String> = change.fields.iter().flat_map(|field| field_lines(change, field)).collect();
    if lines.is_empty() && change.note.is_none() {
        return None;
    }
    let open = if change.coverage_reducing.is_empty() { "" } else { " open" };
    let mut out = format!(
        "<details{open}><summary>{} {} {}</summary>\n\n{} {}\n\n",
        plain_symbol(change),
        html(&change.address),
        what(change),
        code(change.kind.as_str()),
        code(&change.name)
    );
    if let Some(blocked) = &change.blocked {
        let _ = writeln!(out, "**Blocked:** {}\n", prose(blocked));
    }
    if let Some(note) = &change.note {
        let _ = writeln!(out, "{}\n", prose(note));
    }
    if !lines.is_empty() {
        out.push_str(&fence("diff", &lines));
        out.push('\n');
    }
    out.push_str("</details>\n\n");
    Some(out)
}

/// A field as lines of a difference, signs first.
fn field_lines(change: &Change, field: &FieldChange) -> Vec<String> {
    let provenance: &[Provenance] = if is_query(field) { &change.provenance } else { &[] };
    match (change.actions == [Action::Create], is_text(field)) {
        (true, true) => new_text(field, provenance),
        (true, false) => vec![format!("+ {}: {}", field.path, short(&whole(&field.after)))],
        (false, true) => changed_text(field, provenance),
        (false, false) => changed_value(field),
    }
}

fn short(text: &str) -> String {
    let length = text.chars().count();
    if length <= NEW_VALUE {
        return text.to_owned();
    }
    let head: String = text.chars().take(NEW_VALUE).collect();
    format!("{head}… ({length} characters)")
}

fn new_text(field: &FieldChange, provenance: &[Provenance]) -> Vec<String> {
    let lines: Vec<&str> = field.after.as_str().unwrap_or("").lines().collect();
    let mut out = vec![format!("+ {}: {} lines", field.path, lines.len())];
    for one in provenance {
        if let (LineOrigin::Allowlist { entries }, Some(line)) = (&one.origin, lines.get(one.line - 1))
            && !entries.is_empty()
        {
            out.push(format!("+     {line}"));
            out.extend(origin_text(&one.origin).map(|text| format!("#     └ {text}")));
        }
    }
    out
}

fn changed_text(field: &FieldChange, provenance: &[Provenance]) -> Vec<String> {
    let (before, after) = (field.before.as_str().unwrap_or(""), field.after.as_str().unwrap_or(""));
    let mut out = Vec::new();
    for hunk in hunks(before, after, CONTEXT) {
        let first = hunk.lines.first().and_then(|line| line.new.or(line.old)).unwrap_or(0);
        out.push(format!("@@ {}, line {first} @@{}", field.path, layout_note(field)));
        for line in &hunk.lines {
            let sign = match line.tag {
                LineTag::Equal => ' ',
                LineTag::Removed => '-',
                LineTag::Added => '+',
            };
            let text: String = line.pieces.iter().map(|(_, piece)| piece.as_str()).collect();
            out.push(format!("{sign} {text}"));
            let source = provenance.iter().find(|one| Some(one.line) == line.new);
            if let (LineTag::Added, Some(source)) = (line.tag, source) {
                out.extend(origin_text(&source.origin).map(|text| format!("# └ {text}")));
            }
        }
    }
    out
}

fn changed_value(field: &FieldChange) -> Vec<String> {
    let line = |sign: char, value: &serde_json::Value| {
        (!value.is_null()).then(|| format!("{sign} {}: {}", field.path, whole(value)))
    };
    line('-', &field.before).into_iter().chain(line('+', &field.after)).collect()
}
