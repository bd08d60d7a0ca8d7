//! The compiled predicate and the reference evaluator say the same of any event: it is dropped if and only if an entry that
//! has not expired matches it.
//!
//! The compiled text is parsed with `kql` and evaluated here by a small interpreter of its own with Kusto's three values
//! (true, false, null). It shares nothing with `event` but the regex engine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::event::{Event, matches};
use crate::compile::compiled_entry;
use crate::kql::parse;
use crate::kql::syntax::{BinaryOp, ChainOp, Expr, ExprKind, InOp, OperatorKind};
use crate::model::allowlist::{Entry, Predicate, Test, Value};
use crate::source::{SourceMap, Span, Spanned};

const TODAY: Date = date(2026, 11, 23);

/// What an expression is worth; an empty text is Kusto's null text.
#[derive(Debug, Clone, PartialEq)]
enum Worth {
    Null,
    Truth(bool),
    Number(f64),
    Text(String),
    Time(jiff::Timestamp),
}

struct Interpreter<'a> {
    text: &'a str,
    event: &'a Event,
}

impl Interpreter<'_> {
    fn truth(&self, expr: &Expr) -> Option<bool> {
        match self.worth(expr) {
            Worth::Truth(truth) => Some(truth),
            Worth::Null => None,
            other => panic!("{other:?} is no condition"),
        }
    }

    fn column(&self, name: &str) -> Worth {
        match (&name[..1], self.event.get(name).unwrap_or(&Json::Null)) {
            ("S", Json::Null) => Worth::Text(String::new()),
            (_, Json::Null) => Worth::Null,
            ("T", Json::String(text)) => Worth::Time(text.parse().unwrap()),
            (_, Json::String(text)) => Worth::Text(text.clone()),
            (_, Json::Bool(truth)) => Worth::Truth(*truth),
            (_, Json::Number(number)) => Worth::Number(number.as_f64().unwrap()),
            (_, other) => panic!("{other}"),
        }
    }

    fn literal(&self, expr: &Expr) -> Worth {
        let text = expr.span.of(self.text);
        let inner = text.split_once('(').map_or(text, |(_, rest)| rest.trim_end_matches(')'));
        if text.starts_with("datetime") {
            let day =
                inner.parse::<Date>().map(|day| day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp());
            return Worth::Time(day.unwrap_or_else(|_| inner.parse().unwrap()));
        }
        match inner {
            "true" => Worth::Truth(true),
            "false" => Worth::Truth(false),
            number => Worth::Number(number.parse().unwrap_or_else(|_| panic!("{text}"))),
        }
    }

    fn worth(&self, expr: &Expr) -> Worth {
        match &expr.kind {
            ExprKind::Paren(inner) => self.worth(inner),
            ExprKind::Name(name) => self.column(&name.text),
            ExprKind::String(string) => Worth::Text(string.value.to_string()),
            ExprKind::Literal(_) => self.literal(expr),
            ExprKind::Chain(chain) => {
                let mut result = self.truth(&chain.first);
                for link in &chain.rest {
                    let next = self.truth(&link.operand);
                    result = match (link.op, result, next) {
                        (ChainOp::And, Some(false), _) | (ChainOp::And, _, Some(false)) => Some(false),
                        (ChainOp::Or, Some(true), _) | (ChainOp::Or, _, Some(true)) => Some(true),
                        (ChainOp::And | ChainOp::Or, Some(_), Some(b)) => Some(b),
                        (ChainOp::And | ChainOp::Or, _, _) => None,
                        (op, _, _) => panic!("{op:?}"),
                    };
                }
                result.map_or(Worth::Null, Worth::Truth)
            }
            ExprKind::Binary(binary) => {
                let (left, right) = (self.worth(&binary.left), self.worth(&binary.right));
                compare(binary.op, &left, &right).map_or(Worth::Null, Worth::Truth)
            }
            ExprKind::In(found) => {
                let left = self.worth(&found.left);
                let op = match found.op {
                    InOp::In => BinaryOp::Equal,
                    InOp::InTilde => BinaryOp::EqualTilde,
                    InOp::HasAny => BinaryOp::Has,
                    other => panic!("{other:?}"),
                };
                let tests = found.list.iter().map(|item| compare(op, &left, &self.worth(item)));
                let tests: Vec<Option<bool>> = tests.collect();
                match () {
                    () if tests.contains(&Some(true)) => Worth::Truth(true),
                    () if tests.contains(&None) => Worth::Null,
                    () => Worth::Truth(false),
                }
            }
            ExprKind::Call(call) => self.call(&call.name.text, &call.arguments),
            other => panic!("{other:?}"),
        }
    }

    fn call(&self, name: &str, arguments: &[Expr]) -> Worth {
        match name {
            "not" => self.truth(&arguments[0]).map_or(Worth::Null, |truth| Worth::Truth(!truth)),
            "now" => Worth::Time(TODAY.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()),
            "coalesce" => arguments
                .iter()
                .map(|one| self.worth(one))
                .find(|one| *one != Worth::Null)
                .unwrap_or(Worth::Null),
            "ipv4_is_in_any_range" | "ipv6_is_in_any_range" => {
                let text = |expr: &Expr| match self.worth(expr) {
                    Worth::Text(text) => text,
                    other => panic!("{other:?}"),
                };
                let read = if name.starts_with("ipv4") { four } else { six };
                let Some((address, length)) = read(&text(&arguments[0])) else { return Worth::Null };
                let inside = arguments[1..].iter().any(|network| {
                    let (network, size) = read(&text(network)).expect("a network");
                    let shift = 128 - size;
                    length >= size && (shift == 128 || address >> shift == network >> shift)
                });
                Worth::Truth(inside)
            }
            other => panic!("{other}"),
        }
    }
}

fn compare(op: BinaryOp, left: &Worth, right: &Worth) -> Option<bool> {
    use std::cmp::Ordering;
    let order = match (left, right) {
        (Worth::Null, _) | (_, Worth::Null) => return None,
        (Worth::Text(text), Worth::Text(part)) => return Some(text_test(op, text, part)),
        (Worth::Truth(a), Worth::Truth(b)) => a.cmp(b),
        (Worth::Number(a), Worth::Number(b)) => a.partial_cmp(b)?,
        (Worth::Time(a), Worth::Time(b)) => a.cmp(b),
        other => panic!("{other:?}"),
    };
    Some(match op {
        BinaryOp::Equal => order == Ordering::Equal,
        BinaryOp::Less => order == Ordering::Less,
        BinaryOp::LessEqual => order != Ordering::Greater,
        BinaryOp::GreaterEqual => order != Ordering::Less,
        other => panic!("{other:?}"),
    })
}

fn text_test(op: BinaryOp, text: &str, part: &str) -> bool {
    let low = |text: &str| -> String { text.chars().flat_map(char::to_lowercase).collect() };
    let (small_text, small_part) = (low(text), low(part));
    match op {
        BinaryOp::Equal => text == part,
        BinaryOp::EqualTilde => small_text == small_part,
        BinaryOp::StartsWith => small_text.starts_with(&small_part),
        BinaryOp::StartsWithCs => text.starts_with(part),
        BinaryOp::EndsWith => small_text.ends_with(&small_part),
        BinaryOp::EndsWithCs => text.ends_with(part),
        BinaryOp::Contains => small_text.contains(&small_part),
        BinaryOp::ContainsCs => text.contains(part),
        BinaryOp::Has => has(&small_text, &small_part),
        BinaryOp::HasCs => has(text, part),
        BinaryOp::MatchesRegex => regex::Regex::new(part).unwrap().is_match(text),
        other => panic!("{other:?}"),
    }
}

/// By trying every place.
fn has(text: &str, term: &str) -> bool {
    let (text, term): (Vec<char>, Vec<char>) = (text.chars().collect(), term.chars().collect());
    (0..=text.len().saturating_sub(term.len())).any(|at| {
        let end = at + term.len();
        let split = |a: usize, b: usize| !(text[a].is_alphanumeric() && text[b].is_alphanumeric());
        text.get(at..end) == Some(&term)
            && (at == 0 || split(at - 1, at))
            && (end == text.len() || split(end - 1, end))
    })
}

fn four(text: &str) -> Option<(u128, u32)> {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    let address: Ipv4Addr = address.parse().ok()?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    Some((address.to_ipv6_mapped().to_bits(), length + 96))
}

fn six(text: &str) -> Option<(u128, u32)> {
    match text.split_once('/').map_or(text, |(address, _)| address).parse().ok()? {
        IpAddr::V4(_) => four(text),
        IpAddr::V6(_) => {
            let (address, length) = text.split_once('/').unwrap_or((text, "128"));
            let length: u32 = length.parse().ok().filter(|length| *length <= 128)?;
            Some((address.parse::<Ipv6Addr>().ok()?.to_bits(), length))
        }
    }
}

/// Texts that are close to each other, so that conditions are often met.
const TEXTS: &[&str] = &[
    "a",
    "A",
    "ab",
    "a b",
    "b",
    "B.exe",
    "b.exe",
    r"C:\x\a.exe",
    r"c:\X\A.EXE",
    r"C:\x\",
    "ä",
    "Ä",
    "ß",
    "a-b",
    "1",
    "a1",
    "10.0.0.1",
    "10.0.0.255",
    "10.0.1.1",
    "10.0.0.0/25",
    "10.0.0.1/99",
    "2001:db8::1",
    "2001:DB8::1",
    "::ffff:10.0.0.1",
    "2001:db8::/48",
    "host",
    "\"",
    "'",
    "x\ty",
    ".exe",
    "//",
    "\\",
];
const NETWORKS: &[&str] =
    &["10.0.0.0/24", "10.0.0.1", "10.0.0.0/8", "2001:db8::/32", "2001:db8::1/128", "::ffff:10.0.0.0/120"];
const PATTERNS: &[&str] = &["^a", "b$", "^$", "a.b", "[0-9]+", r"\.exe$", "Ä", r"^C:\\x\\", "B"];
const TIMES: &[&str] = &["2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z", "2027-01-01T00:00:00Z"];

fn span() -> Span {
    Span::new(SourceMap::default().add("", ""), 0, 0)
}

pub(super) fn one<T>(value: T) -> Spanned<T> {
    Spanned::new(value, span())
}

fn texts() -> impl Strategy<Value = Vec<Spanned<String>>> {
    prop::collection::vec(prop::sample::select(TEXTS), 1..4)
        .prop_map(|texts| texts.into_iter().map(|text| one(text.to_owned())).collect())
}

fn text_test_of() -> impl Strategy<Value = Test> {
    let values =
        |texts: Vec<Spanned<String>>| texts.into_iter().map(|text| text.map(Value::String)).collect();
    prop_oneof![
        prop::sample::select(TEXTS).prop_map(|text| Test::Equals(one(Value::String(text.into())))),
        texts().prop_map(move |texts| Test::In(values(texts))),
        texts().prop_map(Test::StartsWith),
        texts().prop_map(Test::EndsWith),
        texts().prop_map(Test::Contains),
        texts().prop_map(Test::Has),
        prop::sample::select(PATTERNS).prop_map(|pattern| Test::Regex(one(pattern.into()))),
        prop::collection::vec(prop::sample::select(NETWORKS), 1..3)
            .prop_map(|networks| Test::Cidr(networks.into_iter().map(|one_| one(one_.to_owned())).collect())),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-2i64..3).prop_map(Value::Long),
        (-2i32..3).prop_map(|half| Value::Real(f64::from(half) / 2.0))
    ]
}

fn time() -> impl Strategy<Value = Value> {
    prop::sample::select(TIMES).prop_map(|time| Value::DateTime(time.into()))
}

fn scalar_test(
    value: impl Strategy<Value = Value> + Clone + 'static,
    ordered: bool,
) -> impl Strategy<Value = Test> {
    let exact = value.clone().prop_map(|value| Test::Equals(one(value)));
    let several = prop::collection::vec(value.clone(), 1..3)
        .prop_map(|values| Test::In(values.into_iter().map(one).collect()));
    let range = (prop::option::of(value.clone()), value)
        .prop_map(|(low, high)| Test::Range { min: low.map(one), max: Some(one(high)) });
    prop_oneof![
        exact.boxed(),
        several.boxed(),
        if ordered { range.boxed() } else { Just(Test::Equals(one(Value::Bool(true)))).boxed() }
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let column = |names: &'static [&'static str]| prop::sample::select(names);
    let number = number().boxed();
    let time = time().boxed();
    let truth = any::<bool>().prop_map(Value::Bool).boxed();
    prop_oneof![
        6 => (column(&["S1", "S2", "S3"]), text_test_of()),
        1 => (column(&["N1"]), scalar_test(number, true)),
        1 => (column(&["T1"]), scalar_test(time, true)),
        1 => (column(&["B1"]), scalar_test(truth, false)),
    ]
    .prop_flat_map(|(column, test)| (Just(column), Just(test), any::<bool>()))
    .prop_map(|(column, test, case_sensitive)| Predicate {
        column: one(column.to_owned()),
        test,
        case_sensitive,
        span: span(),
    })
}

pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let day = prop::sample::select(vec![
        date(2026, 11, 22),
        date(2026, 11, 23),
        date(2026, 11, 24),
        date(2027, 5, 1),
    ]);
    (prop::collection::vec(predicate(), 1..3), day)
        .prop_map(|(predicates, expires)| entry_of(predicates, expires))
}

fn entry_of(predicates: Vec<Predicate>, expires: Date) -> Entry {
    Entry {
        id: one("e".into()),
        reason: one("r".into()),
        owner: one("o".into()),
        ticket: None,
        created: None,
        expires: one(expires),
        required: false,
        exception: None,
        predicates,
        span: span(),
    }
}

fn event() -> impl Strategy<Value = Event> {
    let text = || {
        prop_oneof![
            6 => prop::sample::select(TEXTS).prop_map(|text| Some(json!(text))),
            1 => Just(Some(json!(""))),
            1 => Just(Some(Json::Null)),
            1 => Just(None),
        ]
    };
    let number = prop_oneof![(-2i64..3).prop_map(|one| Some(json!(one))), Just(Some(json!(0.5))), Just(None)];
    let time =
        prop_oneof![prop::sample::select(TIMES).prop_map(|time| Some(json!(time))), Just(Some(Json::Null))];
    let truth = prop_oneof![any::<bool>().prop_map(|truth| Some(json!(truth))), Just(None)];
    (text(), text(), text(), number, time, truth).prop_map(|(s1, s2, s3, n1, t1, b1)| {
        let columns = [("S1", s1), ("S2", s2), ("S3", s3), ("N1", n1), ("T1", t1), ("B1", b1)];
        columns.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    })
}

/// Whether the compiled `where` keeps the event: only `true` keeps.
fn keeps(condition: &str, event: &Event) -> bool {
    let query = format!("T\n| where not({condition})");
    let parsed = parse(&query);
    assert!(parsed.errors.is_empty(), "{query}\n{:?}", parsed.errors);
    let Some(ExprKind::Pipeline(pipeline)) = parsed.query.body().map(|body| &body.kind) else {
        panic!("{query}")
    };
    let OperatorKind::Where(rows) = &pipeline.operators[0].kind else { panic!("{query}") };
    Interpreter { text: &query, event }.truth(&rows.value) == Some(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn dropped_if_and_only_if_an_entry_in_force_matches(
        entries in prop::collection::vec(entry(), 1..4),
        event in event(),
    ) {
        let condition: Vec<String> = entries.iter().map(|entry| compiled_entry(entry, true)).collect();
        let condition = condition.join("\n    or ");
        let silenced = entries.iter().any(|entry| TODAY < entry.expires.value && matches(entry, &event));
        prop_assert_eq!(keeps(&condition, &event), !silenced, "{} {:?}", condition, event);
    }

    #[test]
    fn an_implied_entry_never_matches_alone(narrow in entry(), wide in entry(), event in event()) {
        if super::implies::entry(&narrow, &wide) && matches(&narrow, &event) {
            prop_assert!(matches(&wide, &event), "{:?} {:?} {:?}", narrow.predicates, wide.predicates, event);
        }
    }
}

#[test]
fn the_interpreter_tells_null_from_false() {
    let event = Event::new();
    assert!(
        !keeps("ipv4_is_in_any_range(S1, \"10.0.0.0/8\")", &event),
        "null drops the row: why coalesce is there"
    );
    assert!(keeps("coalesce(ipv4_is_in_any_range(S1, \"10.0.0.0/8\"), false)", &event));
    assert!(!keeps("N1 == 1", &event) && keeps("coalesce(N1 == 1, false)", &event));
}
