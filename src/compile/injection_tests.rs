//! Values are data: whatever an allowlist says, the compiled query is the rule's query plus one `where` for each slot.
//!
//! Values and columns come straight into the model here, past the decoder that would refuse most of them: the compiler must
//! be safe on its own.

use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;

use super::{AllowlistIndex, Analyses, Scope, query, select};
use crate::diagnostic::Diagnostics;
use crate::kql::{Token, TokenKind, lex};
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, Entry, Predicate, RulePattern, Scope as ListScope, Test, Value};
use crate::resource::LineOrigin;
use crate::source::{Span, Spanned};
use crate::yaml::{decode, read};

/// Slots between steps, at the end, in parentheses, in a `let`, after a comment, and indented.
const QUERIES: &[&str] = &[
    "T\n| where a == 1\n// allowlist\n| project a",
    "T\n| where a == \"x // allowlist\"\n// allowlist",
    "T\n| join kind=inner (\n    U\n    | where b has 'it''s'\n    // allowlist\n  ) on a",
    "let x = T | where a != @\"c:\\\" // not a slot\n  // allowlist\n;\nx | count",
    "T // trailing\n\t// allowlist\n// next comment\n| summarize count() by a, b",
    "T\n// Begin environment-specific filter.\n// End environment-specific filter.\n| take 5",
];
/// What has broken out of templates before.
const HOSTILE: &[&str] = &[
    "\"",
    "'",
    "`",
    "```",
    "\\",
    "\\\"",
    "@\"",
    "\n",
    "\r\n",
    "\u{2028}",
    "\0",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{feff}",
    "//",
    "/*",
    "// allowlist",
    ")",
    "))",
    "| project x",
    ";",
    "let x = 1;",
    "##vso[task.setvariable]",
    "##[error]",
    "::error::",
    "{{Column}}",
    "~~~",
    "h\"",
    "{",
    "}",
    "\u{10ffff}",
    "datetime(2020-01-01)",
    " or true",
    "#",
    "\u{d7ff}\u{e000}",
];

fn repository(query: &str) -> Repository {
    let mut repository = Repository::default();
    let indented: String = query.lines().map(|line| format!("  {line}\n")).collect();
    let rule = format!(
        "id: r\nname: R\nstatus: production\nseverity: low\nquery: |\n{indented}defender:\n  frequency: PT1H\n  title: R\n  entities: {{hosts: [{{deviceIdColumn: a}}]}}\n"
    );
    let file = repository.sources.add("rules/r.yaml", rule.as_str());
    let (rule, problems) = decode::decode_rule(&read::read(&rule, file).unwrap(), None, Some("r"));
    repository.rules.push(Arc::new(rule.unwrap_or_else(|| panic!("{problems:?}"))));
    let environment =
        "owner: o/e\ntenant_id: 11111111-1111-4111-8111-111111111111\ndefender: {}\nprune: owned\n";
    let file = repository.sources.add("environments/e/environment.yaml", environment);
    let mut out = Diagnostics::default();
    let node = read::read(environment, file).unwrap();
    repository.environments.extend(decode::environment::environment(&node, "e", &mut out));
    assert!(!repository.environments.is_empty(), "{out:?}");
    repository
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(HOSTILE).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z0-9\\\\ ]{0,8}",
    ];
    prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat())
}

/// Column, operator, values, case.
type Given = (String, usize, Vec<String>, bool);

fn predicate(span: Span, (column, operator, texts, case_sensitive): Given) -> Predicate {
    let one = |text: &String| Spanned::new(text.clone(), span);
    let all = || texts.iter().map(one).collect::<Vec<_>>();
    let value = |text: &String| Spanned::new(Value::String(text.clone()), span);
    let first = texts.first().unwrap();
    let test = match operator {
        0 => Test::Equals(value(first)),
        1 => Test::In(texts.iter().map(value).collect()),
        2 => Test::StartsWith(all()),
        3 => Test::EndsWith(all()),
        4 => Test::Contains(all()),
        5 => Test::Has(all()),
        6 => Test::Regex(one(first)),
        7 => Test::Cidr(all()),
        _ => Test::Range {
            min: Some(Spanned::new(Value::Real(f64::from(first.len() as u32) - 2.5), span)),
            max: Some(Spanned::new(Value::Long(-7), span)),
        },
    };
    Predicate { column: Spanned::new(column, span), test, case_sensitive, span }
}

fn list(span: Span, sensitive: bool, entries: Vec<Vec<Given>>) -> Allowlist {
    let text = |text: String| Spanned::new(text, span);
    let entries = entries.into_iter().enumerate().map(|(number, predicates)| Entry {
        id: text(format!("e{number}")),
        reason: text("r".into()),
        owner: text("o".into()),
        ticket: None,
        created: None,
        expires: Spanned::new(date(2027, 1, 1), span),
        required: true,
        exception: None,
        predicates: predicates.into_iter().map(|given| predicate(span, given)).collect(),
        span,
    });
    Allowlist {
        name: "l".into(),
        scope: ListScope::Environment("e".into()),
        rules: vec![Spanned::new(RulePattern::Any, span)],
        slot: text("main".into()),
        sensitive,
        entries: entries.collect(),
        span,
    }
}

fn is_risky(c: char) -> bool {
    c.is_control() || crate::characters::is_bidi_control(c) || crate::characters::is_invisible(c)
}

fn meaning(tokens: &[Token]) -> Vec<TokenKind> {
    tokens.iter().filter(|token| !token.is_trivia()).map(|token| token.kind).collect()
}

fn texts_of<'a>(text: &'a str, tokens: &[Token]) -> Vec<&'a str> {
    tokens.iter().filter(|token| !token.is_trivia()).map(|token| token.text(text)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn one_where_more_and_nothing_else(
        query in prop::sample::select(QUERIES),
        sensitive in any::<bool>(),
        entries in prop::collection::vec(
            prop::collection::vec((hostile(), 0usize..9, prop::collection::vec(hostile(), 1..3), any::<bool>()), 1..3),
            1..3,
        ),
    ) {
        thread_local! {
            static KNOWN: (Analyses, Vec<Repository>) =
                (Analyses::default(), QUERIES.iter().map(|query| repository(query)).collect());
        }
        let count = entries.len();
        let (body, lines) = KNOWN.with(|(analyses, repositories)| {
            let number = QUERIES.iter().position(|one| *one == query).unwrap();
            let mut repository = repositories[number].clone();
            let span = repository.rules[0].id.span;
            repository.allowlists.push(Arc::new(list(span, sensitive, entries)));
            // Compilation up to the text: what it means to Kusto is looked at elsewhere, and takes ten times as long.
            let (environment, mut out) = (&repository.environments[0], Diagnostics::default());
            let selection = select::select(&repository, environment, &mut out);
            let today = date(2026, 11, 23);
            let index = AllowlistIndex::new(&repository, environment, &selection, today, &mut out);
            let scope = Scope { repository: &repository, environment, index: &index, analyses, today };
            let rule = &repository.rules[0];
            let own = rule.query.as_ref().unwrap();
            let compiled = query::compile(&scope, rule, own, query::Dialect::Full, &mut out).expect("compiled");
            (compiled.text, compiled.lines)
        });

        // Without the inserted lines it is the rule's query, byte for byte.
        prop_assert_eq!(body.split('\n').count(), lines.len());
        let is_own = |line: &LineOrigin| matches!(line, LineOrigin::Rule { .. });
        let own: Vec<&str> = body.split('\n').zip(&lines).filter(|(_, line)| is_own(line)).map(|(text, _)| text).collect();
        prop_assert_eq!(own.join("\n"), query);

        // The inserted lines are one operator: `| where not ( … )`, closed at its end and nowhere before.
        let put: Vec<&str> = body.split('\n').zip(&lines).filter(|(_, line)| !is_own(line)).map(|(text, _)| text).collect();
        prop_assert_eq!(put.len(), count + 1);
        let put = put.join("\n");
        let tokens = lex(&put);
        prop_assert!(tokens.iter().all(|token| token.fault.is_none()), "{}", put);
        let words = texts_of(&put, &tokens);
        prop_assert_eq!(&words[..4], &["|", "where", "not", "("]);
        let mut depth = 0;
        for (index, kind) in meaning(&tokens).iter().enumerate() {
            depth += i32::from(kind.is_open()) - i32::from(kind.is_close());
            prop_assert!(index < 3 || depth > 0 || index + 1 == words.len(), "{}", put);
            prop_assert!(index == 0 || !matches!(kind, TokenKind::Pipe | TokenKind::Semicolon), "{}", put);
        }
        prop_assert_eq!(depth, 0);
        prop_assert!(!tokens.iter().any(|token| token.kind == TokenKind::Comment), "{}", put);

        // The tokens of the whole are those of the rule with these in between, in one run.
        let (before, whole) = (lex(query), lex(&body));
        let (rule, all) = (texts_of(query, &before), texts_of(&body, &whole));
        let at = rule.iter().zip(&all).take_while(|(a, b)| a == b).count();
        let at = (0..=at).rev().find(|at| all[*at..].starts_with(&words)).expect("the operator stands in one run");
        let rest = [&all[..at], &all[at + words.len()..]].concat();
        prop_assert_eq!(rest, rule);

        // Nothing that a terminal or a build agent obeys, in the query or in what is shown of it.
        prop_assert!(!put.chars().any(|c| !matches!(c, '\n' | '\t') && is_risky(c)), "{:?}", put);
        for line in put.lines() {
            let shown = crate::render::safe::line(line);
            prop_assert!(!shown.contains("##vso[") && !shown.contains("##[") && !shown.trim_start().starts_with("::"));
        }
    }
}
