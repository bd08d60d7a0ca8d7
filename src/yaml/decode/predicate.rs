//! `match:` of an allowlist entry: columns and what is asked of them.
//!
//! Values are data. What cannot be seen, what matches everything and what no service would understand is refused here,
//! before anything is turned into KQL.

use super::object::{Object, one_or_many, unknown_key, wrong_type};
use super::patterns::{cidr, regex};
use super::scalar::{invalid, name_of};
use crate::characters;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::allowlist::{Predicate, Test, Value};
use crate::source::{Span, Spanned};
use crate::yaml::{Key, Node, NodeKind};

/// Most values of one predicate.
const MOST_VALUES: usize = 10_000;
/// Every key of a predicate.
const KEYS: &[&str] = &[
    "equals",
    "in",
    "starts_with",
    "ends_with",
    "contains",
    "has",
    "regex",
    "cidr",
    "watchlist",
    "min",
    "max",
    "case",
];
/// The operators, bounds included: every key but the last.
const OPERATORS: &[&str] = KEYS.split_at(KEYS.len() - 1).0;

/// The predicates of an entry, at least one.
pub(super) fn predicates(node: &Node, out: &mut Diagnostics) -> Option<Vec<Predicate>> {
    let object = Object::open_any(node, "a mapping from column to predicate", out)?;
    if object.entries().is_empty() {
        out.push(
            Diagnostic::error(codes::ALLOWLIST_PREDICATE, "the entry matches every event")
                .labelled(node.span, "no predicate")
                .with_help("name at least one column: {SHA1: {equals: …}}"),
        );
        return None;
    }
    let mut found = Vec::new();
    for (column, _) in object.entries() {
        check_column(column, out);
        found.extend(object.optional(&column.name, out, |node, out| predicate(column, node, out)));
    }
    (found.len() == object.entries().len()).then_some(found)
}

fn predicate(column: &Key, node: &Node, out: &mut Diagnostics) -> Option<Predicate> {
    let NodeKind::Map(entries) = &node.kind else {
        let form = if matches!(node.kind, NodeKind::Seq(_)) { "in: […]" } else { "equals: …" };
        out.push(
            Diagnostic::error(codes::ALLOWLIST_PREDICATE, "a predicate needs an operator")
                .labelled(node.span, format!("{} alone", node.describe()))
                .with_help(format!("say how to compare: {}: {{{form}}}", column.name)),
        );
        return None;
    };
    let object = Object::open_any(node, "a predicate", out)?;
    for (key, _) in entries.iter().filter(|(key, _)| !KEYS.contains(&key.name.as_str())) {
        out.push(unknown_key(key, "a predicate", KEYS));
    }
    let case = object.optional("case", out, name_of(&["sensitive", "insensitive"]));
    let operator = single_operator(column, entries, node.span, out)?;
    let test = object.optional(operator, out, |node, out| test(operator, &object, node, out))?;
    let takes_case = !matches!(test, Test::Cidr(_) | Test::Range { .. });
    if let (Some(case), false) = (&case, takes_case) {
        out.push(invalid(case.span, "case means nothing here", format!("`{operator}` compares no letters")));
    }
    Some(Predicate {
        column: Spanned::new(column.name.clone(), column.span),
        test,
        case_sensitive: case.is_some_and(|case| case.value == "sensitive"),
        span: node.span,
    })
}

/// The operator's key; `min` and `max` are one operator.
fn single_operator<'n>(
    column: &Key,
    entries: &'n [(Key, Node)],
    span: Span,
    out: &mut Diagnostics,
) -> Option<&'n str> {
    let mut operators =
        entries.iter().map(|(key, _)| key).filter(|key| OPERATORS.contains(&key.name.as_str()));
    let Some(first) = operators.next() else {
        if entries.iter().any(|(key, _)| !KEYS.contains(&key.name.as_str())) {
            // Reported as an unknown key, which is what it most likely is: a misspelt operator.
            return None;
        }
        out.push(
            Diagnostic::error(codes::ALLOWLIST_PREDICATE, "a predicate needs an operator")
                .labelled(span, "no operator")
                .with_help(format!(
                    "for example {}: {{equals: …}}; operators: {}",
                    column.name,
                    OPERATORS.join(", ")
                )),
        );
        return None;
    };
    let is_bound = |key: &Key| matches!(key.name.as_str(), "min" | "max");
    if let Some(second) = operators.find(|key| !(is_bound(first) && is_bound(key))) {
        out.push(
            Diagnostic::error(codes::ALLOWLIST_PREDICATE, "a predicate has more than one operator")
                .labelled(second.span, "a second operator")
                .with_related(first.span, "the first one")
                .with_help("write another entry (OR), or put the condition on another column (AND)"),
        );
        return None;
    }
    Some(&first.name)
}

fn test(operator: &str, object: &Object<'_>, node: &Node, out: &mut Diagnostics) -> Option<Test> {
    let strings = |out: &mut Diagnostics| many(node, out, string);
    Some(match operator {
        "equals" => {
            if matches!(node.kind, NodeKind::Seq(_)) {
                out.push(wrong_type(node, "one value").with_help("use `in` for several values"));
                return None;
            }
            Test::Equals(value(node, out)?)
        }
        "in" => {
            if !matches!(node.kind, NodeKind::Seq(_)) {
                out.push(wrong_type(node, "a list").with_help("wrap it in [ ], or use `equals`"));
                return None;
            }
            Test::In(many(node, out, value)?)
        }
        "starts_with" => Test::StartsWith(strings(out)?),
        "ends_with" => Test::EndsWith(strings(out)?),
        "contains" => Test::Contains(strings(out)?),
        "has" => Test::Has(strings(out)?),
        "regex" => Test::Regex(regex(node, out)?),
        "cidr" => Test::Cidr(many(node, out, cidr)?),
        "watchlist" => watchlist(node, out)?,
        _ => {
            let min = object.optional("min", out, bound);
            let max = object.optional("max", out, bound);
            let complete = object.has("min") == min.is_some() && object.has("max") == max.is_some();
            check_bounds(min.as_ref(), max.as_ref(), out);
            complete.then_some(Test::Range { min, max })?
        }
    })
}

/// `watchlist: ALIAS`, or `watchlist: {alias: ALIAS, column: COLUMN}`.
fn watchlist(node: &Node, out: &mut Diagnostics) -> Option<Test> {
    let alias = super::scalar::made_of(
        |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'),
        64,
        "letters, digits, `-` and `_`, at most 64",
    );
    let column = super::scalar::made_of(
        |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' '),
        200,
        "letters, digits, blanks, `-` and `_`, at most 200",
    );
    if !matches!(node.kind, NodeKind::Map(_)) {
        let alias = alias(node, out)?;
        let column = Spanned::new("SearchKey".to_owned(), alias.span);
        return Some(Test::Watchlist { alias, column });
    }
    let object = Object::open(node, "a watchlist", &["alias", "column"], out)?;
    let alias = object.required("alias", out, alias);
    let default = || Spanned::new("SearchKey".to_owned(), node.span);
    let column = if object.has("column") { object.optional("column", out, column)? } else { default() };
    Some(Test::Watchlist { alias: alias?, column })
}

/// One value or a list of them: never none, never too many.
fn many<T>(
    node: &Node,
    out: &mut Diagnostics,
    read: impl FnMut(&Node, &mut Diagnostics) -> Option<T>,
) -> Option<Vec<T>> {
    let count = if let NodeKind::Seq(items) = &node.kind { items.len() } else { 1 };
    if count == 0 {
        out.push(
            Diagnostic::error(codes::ALLOWLIST_VALUE, "a list without values")
                .labelled(node.span, "nothing to compare with"),
        );
        return None;
    }
    if count > MOST_VALUES {
        out.push(
            Diagnostic::error(codes::ALLOWLIST_VALUE, "too many values")
                .labelled(node.span, format!("{count} values"))
                .with_help(format!(
                    "one predicate takes at most {MOST_VALUES}; a longer list belongs into a watchlist"
                )),
        );
        return None;
    }
    let found = one_or_many(node, out, read)?;
    (found.len() == count).then_some(found)
}

fn value(node: &Node, out: &mut Diagnostics) -> Option<Spanned<Value>> {
    let value = match &node.kind {
        NodeKind::Bool(value) => Value::Bool(*value),
        NodeKind::Int(value) => Value::Long(*value),
        NodeKind::Float(value) => Value::Real(*value),
        NodeKind::Map(_) => return datetime(node, out),
        _ => Value::String(string(node, out)?.value),
    };
    Some(Spanned::new(value, node.span))
}

/// A bound is a number or a point in time.
fn bound(node: &Node, out: &mut Diagnostics) -> Option<Spanned<Value>> {
    match &node.kind {
        NodeKind::Int(value) => Some(Spanned::new(Value::Long(*value), node.span)),
        NodeKind::Float(value) => Some(Spanned::new(Value::Real(*value), node.span)),
        NodeKind::Str(text) => point_in_time(&text.value, node.span, out),
        _ => {
            out.push(wrong_type(node, "a number or a point in time"));
            None
        }
    }
}

/// `{datetime: 2026-11-02T00:00:00Z}`: without it, such a value would be compared as text.
fn datetime(node: &Node, out: &mut Diagnostics) -> Option<Spanned<Value>> {
    let object = Object::open(node, "a value", &["datetime"], out)?;
    let written = object.required("datetime", out, super::scalar::line)?;
    point_in_time(&written.value, written.span, out)
}

fn point_in_time(written: &str, span: Span, out: &mut Diagnostics) -> Option<Spanned<Value>> {
    let day = || written.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let parsed = match written.len() {
        10 => day().map(|day| day.timestamp()),
        _ => written.parse::<jiff::Timestamp>().ok(),
    };
    if parsed.is_none() {
        out.push(
            invalid(span, "not a point in time", "neither a number nor an ISO-8601 time with a zone")
                .with_help("write a day (2026-11-02) or a time (2026-11-02T09:30:00Z)"),
        );
    }
    parsed.map(|time| Spanned::new(Value::DateTime(time.to_string()), span))
}

fn check_bounds(min: Option<&Spanned<Value>>, max: Option<&Spanned<Value>>, out: &mut Diagnostics) {
    let (Some(min), Some(max)) = (min, max) else { return };
    #[expect(clippy::cast_precision_loss, reason = "only compared, and written back as it was")]
    let number = |value: &Value| match value {
        Value::Long(value) => Some(*value as f64),
        Value::Real(value) => Some(*value),
        _ => None,
    };
    let wrong = match (&min.value, &max.value) {
        (Value::DateTime(low), Value::DateTime(high)) => {
            let parse = |text: &String| text.parse::<jiff::Timestamp>().ok();
            parse(low) > parse(high)
        }
        (low, high) => match (number(low), number(high)) {
            (Some(low), Some(high)) => low > high,
            _ => {
                out.push(
                    invalid(max.span, "bounds of two types", "one bound is a number, the other a time")
                        .with_related(min.span, "the other bound"),
                );
                return;
            }
        },
    };
    if wrong {
        out.push(
            invalid(max.span, "an empty range", "`max` is less than `min`")
                .with_related(min.span, "`min` is here"),
        );
    }
}

/// A text to compare with: not empty, and nothing in it that cannot be seen.
pub(super) fn string(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let NodeKind::Str(found) = &node.kind else {
        out.push(wrong_type(node, "a string"));
        return None;
    };
    if found.value.trim().is_empty() {
        out.push(
            Diagnostic::error(codes::ALLOWLIST_VALUE, "an empty value")
                .labelled(node.span, "this matches every event, or none"),
        );
        return None;
    }
    let refused = |c: &char| {
        *c != '\t'
            && (characters::is_control(*c) || characters::is_bidi_control(*c) || characters::is_invisible(*c))
    };
    if let Some((at, hidden)) = found.value.char_indices().find(|(_, c)| refused(c)) {
        let span = found.locate(node.span, at, at + hidden.len_utf8());
        let help = match hidden {
            _ if found.line_starts.is_empty() => {
                "a backslash starts an escape inside double quotes: use single quotes for paths and expressions"
            }
            '\n' | '\r' => "one value, one line",
            _ => "remove the character",
        };
        out.push(
            Diagnostic::error(codes::ALLOWLIST_VALUE, "a character that cannot be seen")
                .labelled(span, characters::code_point(hidden))
                .with_help(help),
        );
        return None;
    }
    Some(Spanned::new(found.value.clone(), node.span))
}

fn check_column(column: &Key, out: &mut Diagnostics) {
    let mut letters = column.name.chars();
    let starts = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') || column.name.len() > 500 {
        out.push(
            invalid(column.span, "not a column name", "letters, digits and `_`, not starting with a digit")
                .with_help("a column of the query at the slot, for example `SHA1`"),
        );
    }
}
