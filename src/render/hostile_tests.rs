//! Whatever rule names, queries and answers of services hold, no output of any renderer is a command of a build agent, moves a
//! cursor, hides text, leaves its block of markdown, or mentions anybody.
//!
//! The markdown is read by a small reader written here from CommonMark's rules, and not by the code that wrote it.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::apply::{ChangeResult, Ended, Event, Outcome};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Suppression};
use crate::diff::FieldChange;
use crate::plan::{
    Action, Change, ChangedEntry, Class, CoverageReduction, DriftKind, DriftNote, Drifted, EntryChange,
    GuardViolation, Listed, Plan, Precondition, Provenance, Summary,
};
use crate::provider::{ErrorKind, ProviderError};
use crate::resource::{Kind, LineOrigin};
use crate::source::{SourceMap, Span};

use super::paint::Paint;
use super::{
    annotations, diagnostics, diagnostics_markdown, drift, events, json, outcome, plan, plan_markdown, sarif,
};

/// What attackers write, and what holds it together.
const PARTS: [&str; 44] = [
    "##vso[task.setvariable variable=a]b",
    "##",
    "vso[",
    "#",
    "[error]x",
    "##[group]x",
    "::error::x",
    "::",
    ":",
    "set-env name=a::b",
    "\u{1b}[31m",
    "\u{1b}]0;title\u{7}",
    "\u{9b}2J",
    "\u{7f}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{200d}",
    "\u{fe0f}",
    "\u{34f}",
    "\n",
    "\r",
    "\r\n",
    "\u{2028}",
    "\u{85}",
    "\t",
    " ",
    "```",
    "`",
    "~~~",
    "````\n",
    "@team",
    "#12",
    "!7",
    "GH-1",
    "https://x.example/",
    "www.x.example",
    "<script>",
    "</details>",
    "<!--",
    "-->",
    "| a |",
    "[l](http://x)",
    "**b**",
];

fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => proptest::sample::select(&PARTS[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z]{1,4}",
    ];
    proptest::collection::vec(part, 1..9).prop_map(|parts| parts.concat())
}

/// What no output may contain, whatever its format; `own` are lines that may be commands.
fn harmless(text: &str, own: impl Fn(&str) -> bool) {
    let risky = |c: char| {
        !matches!(c, '\n' | '\t')
            && (c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{feff}' | '\u{061c}' | '\u{200e}' | '\u{200f}'
                )
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    assert_eq!(text.chars().find(|c| risky(*c)), None, "{text:?}");
    for line in text.split('\n').filter(|line| !own(line)) {
        // As a comparison of texts in some language sees it.
        let seen: String = line
            .chars()
            .filter(|c| !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{34f}'))
            .collect();
        let seen = seen.to_lowercase();
        let start = seen.trim_start();
        assert!(!start.starts_with("::") || start.starts_with("::: "), "{line:?}");
        assert!(!seen.contains("##vso") && !seen.contains("##["), "{line:?}");
    }
}

/// Markdown without what nothing is read in: fenced blocks, code spans, and `<code>` in a summary.
fn read_markdown(text: &str) -> String {
    let (mut out, mut fence) = (String::new(), None);
    for line in text.lines() {
        let ticks = line.chars().take_while(|c| *c == '`').count();
        match fence {
            Some(open) if ticks >= open && line.chars().all(|c| c == '`') => fence = None,
            Some(_) => {}
            // An opening fence has no tick behind its word; code in a line has.
            None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
            None if line.starts_with("<details") => {
                let summary = line.split_once("<code>").and_then(|(_, rest)| rest.split_once("</code>"));
                let (inside, rest) = summary.expect("a summary");
                assert!(!inside.contains(['<', '>']), "{line}");
                out.push_str(rest.strip_suffix("</summary>").expect("closed"));
            }
            None => out.push_str(&without_spans(line)),
        }
        out.push('\n');
    }
    assert_eq!(fence, None, "a block is not closed:\n{text}");
    out
}

/// A line without its code spans.
fn without_spans(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('`') {
        let escaped = rest[..start].chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
        let ticks = rest[start..].chars().take_while(|c| *c == '`').count();
        out.push_str(&rest[..start]);
        let inner = &rest[start + ticks..];
        if escaped {
            rest = &rest[start + 1..];
            continue;
        }
        let mut from = 0;
        let close = loop {
            let at =
                inner[from..].find('`').map(|at| at + from).unwrap_or_else(|| panic!("open span: {line}"));
            let run = inner[at..].chars().take_while(|c| *c == '`').count();
            if run == ticks {
                break at;
            }
            from = at + run;
        };
        rest = &inner[close + ticks..];
    }
    out.push_str(rest);
    out
}

fn quiet_markdown(text: &str) {
    harmless(text, |_| false);
    let read = read_markdown(text);
    for line in read.lines() {
        if line.starts_with("<!-- palisade ") || line == "</details>" {
            continue;
        }
        let line = line
            .replace("&#8203;", "\u{200b}")
            .replace("&lt;", "‹")
            .replace("&gt;", "›")
            .replace("&amp;", "&");
        assert!(!line.contains(['<', '>']) && !line.contains("://") && !line.contains("www."), "{line:?}");
        let plain = line.trim_start_matches(['#', ' ', '-']);
        for (mark, next) in plain.chars().zip(plain.chars().skip(1)) {
            assert!(!(matches!(mark, '@' | '#' | '!') && next.is_alphanumeric()), "{line:?}");
        }
    }
}

/// A value with the text in every place that a stranger can write to.
fn diagnostics_of(text: &str) -> (Diagnostics, SourceMap) {
    let mut sources = SourceMap::default();
    let file = sources.add(format!("rules/{text}.yaml"), format!("id: a\n{text}\nname: b\n"));
    let severities = [Severity::Error, Severity::Warning, Severity::Info];
    let mut findings: Diagnostics = severities
        .into_iter()
        .chain([Severity::Info])
        .map(|severity| {
            let end = u32::try_from(6 + text.len()).unwrap();
            Diagnostic::new("X-01", severity, text)
                .labelled(Span::new(file, 6, end), text)
                .with_detail(text)
                .with_guess(text)
                .with_related(Span::new(file, 0, 2), text)
                .in_environment(text)
        })
        .collect();
    findings.push(Diagnostic::error("X-02", text));
    findings.suppress(Suppression::InSource, text, |finding| finding.code == "X-02");
    (findings, sources)
}

pub(super) fn plan_of(text: &str) -> Plan {
    let other = format!("{text}\n{text}x\n");
    let change = |action: Action, fields: Vec<FieldChange>| Change {
        address: text.into(),
        platform: "defender".into(),
        rule: text.into(),
        name: text.into(),
        kind: Kind::Other(text.into()),
        actions: vec![action],
        class: Class::Change,
        coverage_reducing: vec![CoverageReduction { kind: text.into(), detail: text.into() }],
        fields,
        before_digest: None,
        after_digest: None,
        provenance: vec![
            Provenance { line: 1, origin: LineOrigin::Allowlist { entries: vec![text.into()] } },
            Provenance {
                line: 2,
                origin: LineOrigin::Parameter { path: text.into(), line: 1, name: text.into() },
            },
        ],
        blocked: Some(text.into()),
        note: Some(text.into()),
        precondition: Precondition { remote_id: text.into(), live_digest: None, live_owner: None },
        write: None,
    };
    let field = |path: &str, before: Value, after: Value| FieldChange { path: path.into(), before, after };
    Plan {
        format_version: "1.0".into(),
        tool_version: text.into(),
        environment: text.into(),
        owner: text.into(),
        tenant_id: text.into(),
        workspaces: vec![text.into()],
        evaluated_at: text.into(),
        valid_until: text.into(),
        digest: text.into(),
        summary: Summary { update: 1, drift: 1, foreign: 1, ..Summary::default() },
        changes: vec![
            change(
                Action::Update,
                vec![
                    field("query", json!("T\n| take 1"), json!(other)),
                    field("query", json!(text), json!(format!("x{text}"))),
                    field(text, json!(text), json!([text, text])),
                    field(text, json!({ text: text }), Value::Null),
                ],
            ),
            change(
                Action::Create,
                vec![field("query", Value::Null, json!(other)), field(text, Value::Null, json!(text))],
            ),
            change(Action::Delete, Vec::new()),
        ],
        estimated_seconds: 90,
        changed_since: Some(text.into()),
        changed_entries: vec![ChangedEntry {
            entry: text.into(),
            change: EntryChange::Added,
            rules: vec![text.into()],
        }],
        drift: vec![DriftNote {
            address: text.into(),
            fields: vec![text.into()],
            modified_by: Some(text.into()),
            modified_at: Some(text.into()),
        }],
        listed: ["orphan", "auto_disabled"]
            .map(|class| Listed {
                address: text.into(),
                name: text.into(),
                class: class.into(),
                detail: Some(text.into()),
            })
            .to_vec(),
        guards: vec![GuardViolation { guard: text.into(), planned: 1, allowed: 0, option: text.into() }],
        diagnostics: vec![json!(text)],
    }
}

fn refusal(text: &str) -> ProviderError {
    ProviderError {
        operation: "write",
        subject: text.into(),
        kind: ErrorKind::Rejected,
        message: text.into(),
        status: Some(400),
        code: Some(text.into()),
        request_id: Some(text.into()),
        help: Some(text.into()),
        source: None,
    }
}

fn outcome_of(text: &str) -> Outcome {
    let ended = |result| Ended {
        address: text.into(),
        actions: vec![Action::Update],
        result,
        request_ids: vec![text.into()],
    };
    let field = FieldChange { path: text.into(), before: json!(text), after: json!(text) };
    Outcome {
        results: vec![
            ended(ChangeResult::Applied),
            ended(ChangeResult::Failed(refusal(text))),
            ended(ChangeResult::Deviates(vec![field])),
            ended(ChangeResult::NotAttempted),
        ],
        unrecorded: Some(text.into()),
        stopped: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn findings(text in hostile()) {
        let (findings, sources) = diagnostics_of(&text);
        harmless(&diagnostics::text(&findings, &sources, false, 80), |_| false);
        harmless(&json::pretty(&diagnostics::json(&findings, &sources)), |_| false);
        let value = sarif::sarif(&findings, &sources, &[]);
        let printed = json::pretty(&value);
        harmless(&printed, |_| false);
        prop_assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), value);
        quiet_markdown(&diagnostics_markdown::markdown("Findings", &findings, &sources, 65_536));

        let github = annotations::github(&findings, &sources);
        let own = |line: &str| ["::error ", "::warning ", "::notice "].iter().any(|kind| line.starts_with(kind));
        harmless(&github, own);
        prop_assert_eq!(github.lines().filter(|line| own(line)).count(), 4);
        for line in github.lines() {
            // Properties hold no separator of their own: four names of place, two of columns, the title.
            let (head, data) = line[2..].split_once("::").expect("a message");
            let names: Vec<&str> = head.split_once(' ').unwrap().1.split(',').map(|one| one.split('=').next().unwrap()).collect();
            prop_assert!(names == ["file", "line", "endLine", "col", "endColumn", "title"] || names == ["file", "line", "endLine", "title"], "{}", line);
            prop_assert!(!data.to_lowercase().contains("##vso") && !data.contains("##["), "{}", line);
        }
        let azure = annotations::azure(&findings, &sources);
        harmless(&azure, |line| line.starts_with("##vso[task.logissue type=") && line.matches("##vso[").count() == 1);
        prop_assert_eq!(azure.matches("##vso[").count(), 2);
    }

    #[test]
    fn plans(text in hostile()) {
        let plan = plan_of(&text);
        harmless(&plan::text(&plan, Paint { color: false }), |_| false);
        for limit in [3_000, 65_536] {
            for plans in [vec![&plan], vec![&plan, &plan]] {
                let page = plan_markdown::markdown(&plans, limit);
                prop_assert!(page.text.len() <= limit);
                quiet_markdown(&page.text);
            }
        }
        for event in events::planned(&plan) {
            harmless(&json::line(&event), |_| false);
        }
    }

    #[test]
    fn what_happens(text in hostile()) {
        let outcome = outcome_of(&text);
        quiet_markdown(&outcome::markdown(&text, &outcome, 65_536));
        let plan = plan_of(&text);
        for ended in &outcome.results {
            let line = json::line(&events::event(&text, &Event::Finished(&plan.changes[0], &ended.result)));
            harmless(&line, |_| false);
            prop_assert!(!line.contains('\n'));
        }
        let drifted = Drifted {
            address: text.clone(),
            name: text.clone(),
            what: DriftKind::AutoDisabled,
            fields: vec![FieldChange { path: text.clone(), before: json!(text), after: json!([text]) }],
            reason: Some(text.clone()),
            modified_by: Some(text.clone()),
            modified_at: Some(text.clone()),
        };
        let (drifted, absent) = ([drifted], [text.clone()]);
        let found = drift::Found { environment: &text, drifted: &drifted, absent: &absent };
        harmless(&drift::text(&found, Paint { color: false }), |_| false);
        quiet_markdown(&drift::markdown(&[found], 65_536));
    }
}
