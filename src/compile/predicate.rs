//! One allowlist entry as a KQL condition that is true exactly for the events it silences.
//!
//! Two rules make it safe. Every value goes through [`literal`], so it can only ever be one literal. And every test that
//! Kusto may answer with null is wrapped in `coalesce(…, false)`: `where not(null)` drops the row, so a bare CIDR test
//! would hide every event whose address is empty, malformed or of the other family (product.md §2).

use std::ops::Range;

use crate::model::allowlist::{Entry, Predicate, Test, Value};
use crate::source::Spanned;

use crate::resource::mark_sensitive;

use super::literal;

/// An entry as KQL.
pub(crate) struct Condition {
    /// The conjunction of the predicates, in parentheses, on one line.
    pub(crate) text: String,
    /// Where in it each predicate stands, in the order of the entry.
    pub(crate) predicates: Vec<Range<usize>>,
}

impl Condition {
    /// The same condition in the form that outputs never show.
    pub(crate) fn marked_sensitive(self) -> Self {
        let text = mark_sensitive(&self.text);
        let shift = (text.len() - self.text.len()) / 2;
        let moved = |range: Range<usize>| range.start + shift..range.end + shift;
        Self { text, predicates: self.predicates.into_iter().map(moved).collect() }
    }
}

/// The conjunction of an entry's predicates. With `run_time_expiry`, it also stops holding by itself on the day it
/// expires, even if nobody deploys again.
pub(crate) fn entry(entry: &Entry, run_time_expiry: bool) -> Condition {
    let mut text = String::from("(");
    let mut predicates = Vec::with_capacity(entry.predicates.len());
    for one in &entry.predicates {
        if !predicates.is_empty() {
            text.push_str(" and ");
        }
        let start = text.len();
        text.push_str(&predicate(one));
        predicates.push(start..text.len());
    }
    if run_time_expiry {
        let and = if predicates.is_empty() { "" } else { " and " };
        text.push_str(&format!("{and}now() < datetime({})", entry.expires.value));
    }
    text.push(')');
    Condition { text, predicates }
}

fn predicate(predicate: &Predicate) -> String {
    let column = literal::column(&predicate.column.value);
    let cased = predicate.case_sensitive;
    match &predicate.test {
        Test::Equals(value) => equals(&column, &value.value, cased),
        Test::In(values) => one_of(&column, values, cased),
        Test::StartsWith(values) => any(values, |text| {
            format!(
                "{column} {} {}",
                if cased { "startswith_cs" } else { "startswith" },
                literal::string(text)
            )
        }),
        Test::EndsWith(values) => any(values, |text| {
            format!("{column} {} {}", if cased { "endswith_cs" } else { "endswith" }, literal::string(text))
        }),
        Test::Contains(values) => any(values, |text| {
            format!("{column} {} {}", if cased { "contains_cs" } else { "contains" }, literal::string(text))
        }),
        // One test instead of one for each value; there is no such form with case.
        Test::Has(values) if !cased && values.len() > 1 => {
            let list = values.iter().map(|value| literal::string(&value.value)).collect();
            format!("{column} has_any ({})", separated(list))
        }
        Test::Has(values) => any(values, |text| {
            format!("{column} {} {}", if cased { "has_cs" } else { "has" }, literal::string(text))
        }),
        Test::Regex(pattern) => {
            let pattern = if cased { pattern.value.clone() } else { format!("(?i){}", pattern.value) };
            format!("{column} matches regex {}", literal::string(&pattern))
        }
        Test::Cidr(networks) => cidr(&column, networks),
        // An empty row of the watchlist would silence every event that lacks the column.
        Test::Watchlist { alias, column: key } => {
            let key = literal::column(&key.value);
            format!(
                "{column} {} (_GetWatchlist({}) | where isnotempty({key}) | project {key})",
                if cased { "in" } else { "in~" },
                literal::string(&alias.value)
            )
        }
        Test::Range { min, max } => {
            let bound = |operator: &str, value: &Option<Spanned<Value>>| {
                value.as_ref().map(|value| format!("{column} {operator} {}", literal::value(&value.value)))
            };
            let bounds: Vec<String> = bound(">=", min).into_iter().chain(bound("<=", max)).collect();
            never_null(&bounds.join(" and "))
        }
    }
}

fn equals(column: &str, value: &Value, cased: bool) -> String {
    let literal = literal::value(value);
    match value {
        Value::String(_) => format!("{column} {} {literal}", if cased { "==" } else { "=~" }),
        _ => never_null(&format!("{column} == {literal}")),
    }
}

fn one_of(column: &str, values: &[Spanned<Value>], cased: bool) -> String {
    let list = separated(values.iter().map(|value| literal::value(&value.value)).collect());
    let text = values.iter().all(|value| matches!(value.value, Value::String(_)));
    if text {
        format!("{column} {} ({list})", if cased { "in" } else { "in~" })
    } else {
        never_null(&format!("{column} in ({list})"))
    }
}

fn any(values: &[Spanned<String>], one: impl Fn(&str) -> String) -> String {
    let tests: Vec<String> = values.iter().map(|value| one(&value.value)).collect();
    match tests.as_slice() {
        [only] => only.clone(),
        _ => format!("({})", tests.join(" or ")),
    }
}

/// IPv4 and IPv6 networks have functions of their own, and each answers null for the other family.
fn cidr(column: &str, networks: &[Spanned<String>]) -> String {
    let (v6, v4): (Vec<&str>, Vec<&str>) =
        networks.iter().map(|network| network.value.as_str()).partition(|network| network.contains(':'));
    let test = |function: &str, networks: &[&str]| {
        let list = separated(networks.iter().map(|network| literal::string(network)).collect());
        never_null(&format!("{function}({column}, {list})"))
    };
    let mut tests = Vec::new();
    if !v4.is_empty() {
        tests.push(test("ipv4_is_in_any_range", &v4));
    }
    if !v6.is_empty() {
        tests.push(test("ipv6_is_in_any_range", &v6));
    }
    match tests.as_slice() {
        [only] => only.clone(),
        _ => format!("({})", tests.join(" or ")),
    }
}

/// Literals with a comma between them: each once, and in long lists without the blank, because every character counts
/// against the services' limit. An operator with a list is the shortest form that Kusto has: `dynamic([…])` and a `let`
/// hold the same literals and more around them.
fn separated(mut literals: Vec<String>) -> String {
    const SHORT: usize = 20;
    let mut seen = std::collections::HashSet::with_capacity(literals.len());
    literals.retain(|literal| seen.insert(literal.clone()));
    literals.join(if literals.len() > SHORT { "," } else { ", " })
}

fn never_null(condition: &str) -> String {
    format!("coalesce({condition}, false)")
}
