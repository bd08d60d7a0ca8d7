//! Whether one condition implies another: every event that meets the first meets the second too.
//!
//! "Yes" is certain; "no" may mean "not known", for example for two different expressions. An audit that calls an entry
//! superfluous must never be wrong.

use crate::model::allowlist::{Entry, Predicate, Test, Value};
use crate::source::Spanned;

use super::event::{Network, fold, has_term, meets, meets_text};

/// Every event that `narrow` matches, `wide` matches too; their dates are not looked at.
pub(super) fn entry(narrow: &Entry, wide: &Entry) -> bool {
    wide.predicates.iter().all(|wanted| narrow.predicates.iter().any(|given| predicate(given, wanted)))
}

/// Every value that meets `narrow` meets `wide`.
pub(super) fn predicate(narrow: &Predicate, wide: &Predicate) -> bool {
    if narrow.column.value != wide.column.value {
        return false;
    }
    // A test without case takes values in every spelling; a test with case takes one.
    let spelling_kept = narrow.case_sensitive || !wide.case_sensitive;
    match &narrow.test {
        Test::Equals(value) => spelling_kept_or_plain(spelling_kept, value) && takes_value(value, wide),
        Test::In(values) => values
            .iter()
            .all(|value| spelling_kept_or_plain(spelling_kept, value) && takes_value(value, wide)),
        Test::Cidr(networks) => match &wide.test {
            Test::Cidr(others) => all_in(networks, others),
            _ => false,
        },
        Test::Range { min, max } => match &wide.test {
            Test::Range { min: low, max: high } => {
                bound(min.as_ref(), low.as_ref(), std::cmp::Ordering::is_ge)
                    && bound(max.as_ref(), high.as_ref(), std::cmp::Ordering::is_le)
            }
            _ => false,
        },
        Test::Regex(pattern) => {
            let cased = narrow.case_sensitive == wide.case_sensitive;
            matches!(&wide.test, Test::Regex(other) if other.value == pattern.value && cased)
        }
        Test::Watchlist { alias, column } => match &wide.test {
            Test::Watchlist { alias: other, column: key } => {
                spelling_kept && other.value == alias.value && key.value == column.value
            }
            _ => false,
        },
        Test::StartsWith(values) | Test::EndsWith(values) | Test::Contains(values) | Test::Has(values) => {
            spelling_kept && values.iter().all(|value| part(&narrow.test, &value.value, wide))
        }
    }
}

/// A text that has no letters has one spelling.
fn spelling_kept_or_plain(kept: bool, value: &Spanned<Value>) -> bool {
    match &value.value {
        Value::String(text) => kept || !text.chars().any(char::is_alphabetic),
        _ => true,
    }
}

/// `wide` takes this value: decided by evaluating it.
fn takes_value(value: &Spanned<Value>, wide: &Predicate) -> bool {
    let json = match &value.value {
        Value::String(text) => {
            return meets_text(&wide.test, text, wide.case_sensitive);
        }
        Value::Long(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::DateTime(point) => point.clone().into(),
    };
    let event = [(wide.column.value.clone(), json)].into_iter().collect();
    meets(wide, &event)
}

/// Every text with this part in this place meets `wide`.
fn part(place: &Test, text: &str, wide: &Predicate) -> bool {
    let cased = wide.case_sensitive;
    let spelled = |text: &str| if cased { text.to_owned() } else { fold(text) };
    let text = spelled(text);
    let any = |others: &[Spanned<String>], check: fn(&str, &str) -> bool| {
        others.iter().any(|other| check(&text, &spelled(&other.value)))
    };
    match (place, &wide.test) {
        (Test::StartsWith(_), Test::StartsWith(others)) => any(others, |text, other| text.starts_with(other)),
        (Test::EndsWith(_), Test::EndsWith(others)) => any(others, |text, other| text.ends_with(other)),
        (_, Test::Contains(others)) => any(others, |text, other| text.contains(other)),
        // The ends of a whole term are the ends of terms, so a term inside it stays one.
        (Test::Has(_), Test::Has(others)) => any(others, has_term),
        _ => false,
    }
}

fn all_in(networks: &[Spanned<String>], others: &[Spanned<String>]) -> bool {
    networks.iter().all(|network| {
        Network::parse(&network.value).is_some_and(|network| {
            others
                .iter()
                .filter_map(|other| Network::parse(&other.value))
                .any(|other| other.contains(network))
        })
    })
}

/// The narrow bound lies within the wide one; no wide bound holds everything.
fn bound(
    narrow: Option<&Spanned<Value>>,
    wide: Option<&Spanned<Value>>,
    within: fn(std::cmp::Ordering) -> bool,
) -> bool {
    match (narrow, wide) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(narrow), Some(wide)) => order(&narrow.value, &wide.value).is_some_and(within),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a long and a real are compared as reals")]
fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Long(a), Value::Long(b)) => Some(a.cmp(b)),
        (Value::Long(a), Value::Real(b)) => (*a as f64).partial_cmp(b),
        (Value::Real(a), Value::Long(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Real(a), Value::Real(b)) => a.partial_cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => {
            Some(a.parse::<jiff::Timestamp>().ok()?.cmp(&b.parse::<jiff::Timestamp>().ok()?))
        }
        _ => None,
    }
}
