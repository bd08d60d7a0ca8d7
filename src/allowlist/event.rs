//! One event against one entry, as Kusto would decide: the reference evaluator of `allowlist why`.
//!
//! Written from the language's documentation and not from the compiler, so that the two can be tested against each other
//! (`tests/it/semantics.rs`). Facts: "String operators", "Null values", `ipv4_is_in_any_range`, `ipv6_is_in_any_range` of
//! the Kusto documentation.
//!
//! * A column that an event lacks is null; a null text is the empty text; nothing is equal to, less or more than null.
//! * A test whose answer Kusto leaves null counts as not met: the event is reported.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Map, Value as Json};

use crate::model::allowlist::{Entry, Predicate, Test, Value};
use crate::source::Spanned;

/// One event: column names and values.
pub type Event = Map<String, Json>;

/// Whether every predicate of an entry is met; dates are not looked at.
#[must_use]
pub fn matches(entry: &Entry, event: &Event) -> bool {
    entry.predicates.iter().all(|predicate| meets(predicate, event))
}

/// The predicates that an event does not meet, in the order of writing.
#[must_use]
pub fn failing<'a>(entry: &'a Entry, event: &Event) -> Vec<&'a Predicate> {
    entry.predicates.iter().filter(|predicate| !meets(predicate, event)).collect()
}

/// Whether an event meets one predicate.
#[must_use]
pub fn meets(predicate: &Predicate, event: &Event) -> bool {
    let value = event.get(&predicate.column.value).unwrap_or(&Json::Null);
    let cased = predicate.case_sensitive;
    match &predicate.test {
        Test::Equals(wanted) => equals(value, &wanted.value, cased),
        Test::In(wanted) => wanted.iter().any(|wanted| equals(value, &wanted.value, cased)),
        Test::Cidr(networks) => text(value).is_some_and(|text| in_any(text, networks)),
        Test::Range { min, max } => in_range(value, min.as_ref(), max.as_ref()),
        test => text(value).is_some_and(|text| meets_text(test, text, cased)),
    }
}

/// Whether a text meets a test; tests of other types are not met by any text.
pub(super) fn meets_text(test: &Test, text: &str, cased: bool) -> bool {
    let same = |wanted: &str| if cased { wanted.to_owned() } else { fold(wanted) };
    let text = if cased { text.to_owned() } else { fold(text) };
    let any = |values: &[Spanned<String>], check: fn(&str, &str) -> bool| {
        values.iter().any(|wanted| check(&text, &same(&wanted.value)))
    };
    match test {
        Test::Equals(wanted) => matches!(&wanted.value, Value::String(wanted) if text == same(wanted)),
        Test::In(wanted) => {
            wanted.iter().any(|one| matches!(&one.value, Value::String(wanted) if text == same(wanted)))
        }
        Test::StartsWith(values) => any(values, |text, wanted| text.starts_with(wanted)),
        Test::EndsWith(values) => any(values, |text, wanted| text.ends_with(wanted)),
        Test::Contains(values) => any(values, |text, wanted| text.contains(wanted)),
        Test::Has(values) => any(values, has_term),
        Test::Regex(pattern) => {
            let pattern = if cased { pattern.value.clone() } else { format!("(?i){}", pattern.value) };
            regex::Regex::new(&pattern).is_ok_and(|regex| regex.is_match(&text))
        }
        Test::Cidr(networks) => in_any(&text, networks),
        // What a watchlist holds is known in the workspace only.
        Test::Range { .. } | Test::Watchlist { .. } => false,
    }
}

/// Comparison without case.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A null text is the empty text; what is no text (a number where text is expected) has none.
fn text(value: &Json) -> Option<&str> {
    match value {
        Json::String(text) => Some(text),
        Json::Null => Some(""),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "Kusto compares a long with a real as reals")]
fn equals(value: &Json, wanted: &Value, cased: bool) -> bool {
    match wanted {
        Value::String(wanted) => {
            text(value).is_some_and(|text| if cased { text == wanted } else { fold(text) == fold(wanted) })
        }
        Value::Long(wanted) => match value.as_i64() {
            Some(number) => number == *wanted,
            // Exports write a switch of the services as 0 or 1, or as a boolean.
            None => value.as_f64().is_some_and(|number| number == *wanted as f64),
        },
        Value::Real(wanted) => value.as_f64() == Some(*wanted),
        Value::Bool(wanted) => match value {
            Json::Bool(truth) => truth == wanted,
            Json::Number(number) => number.as_i64() == Some(i64::from(*wanted)),
            _ => false,
        },
        Value::DateTime(wanted) => {
            let point = |text: &str| text.parse::<jiff::Timestamp>().ok();
            value.as_str().and_then(point).is_some_and(|time| Some(time) == point(wanted))
        }
    }
}

/// The text holds the term between characters that are no letters or digits.
pub(super) fn has_term(text: &str, term: &str) -> bool {
    let joined = |a: Option<char>, b: Option<char>| {
        a.is_some_and(char::is_alphanumeric) && b.is_some_and(char::is_alphanumeric)
    };
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(term)).map(|at| from + at) {
        let end = at + term.len();
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        if !joined(before, term.chars().next()) && !joined(term.chars().next_back(), after) {
            return true;
        }
        from = at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    }
    false
}

fn in_range(value: &Json, min: Option<&Spanned<Value>>, max: Option<&Spanned<Value>>) -> bool {
    let order = |bound: &Value| -> Option<std::cmp::Ordering> {
        match bound {
            Value::DateTime(bound) => {
                let point = |text: &str| text.parse::<jiff::Timestamp>().ok();
                Some(point(value.as_str()?)?.cmp(&point(bound)?))
            }
            Value::Long(bound) => match value.as_i64() {
                Some(number) => Some(number.cmp(bound)),
                #[expect(clippy::cast_precision_loss, reason = "Kusto compares a long with a real as reals")]
                None => value.as_f64()?.partial_cmp(&(*bound as f64)),
            },
            Value::Real(bound) => value.as_f64()?.partial_cmp(bound),
            Value::String(_) | Value::Bool(_) => None,
        }
    };
    let above = min.is_none_or(|min| order(&min.value).is_some_and(std::cmp::Ordering::is_ge));
    let below = max.is_none_or(|max| order(&max.value).is_some_and(std::cmp::Ordering::is_le));
    above && below
}

/// An address, perhaps itself a network, in one of the networks. What is no address is in none.
fn in_any(text: &str, networks: &[Spanned<String>]) -> bool {
    let Some(address) = Network::parse(text) else { return false };
    networks
        .iter()
        .filter_map(|network| Network::parse(&network.value))
        .any(|network| network.contains(address))
}

/// A network of either family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    v4: bool,
    bits: u128,
    length: u32,
}

impl Network {
    /// `10.0.0.0/8`, `2001:db8::/32`, or one address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) =
            text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let (v4, bits, width) = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(address) => (true, address.to_ipv6_mapped().to_bits(), 32),
            IpAddr::V6(address) => (false, address.to_bits(), 128),
        };
        let length =
            length.map_or(Some(width), |length| length.parse().ok().filter(|length| *length <= width))?;
        Some(Self { v4, bits, length: length + 128 - width })
    }

    /// Every address of `other` is in this one. IPv4 networks hold IPv4 addresses only; an IPv6 network holds IPv4
    /// addresses in their mapped form.
    pub(super) fn contains(self, other: Self) -> bool {
        let shift = 128 - self.length;
        let same = shift == 128 || self.bits >> shift == other.bits >> shift;
        (other.v4 || !self.v4) && other.length >= self.length && same
    }

    /// The network of this length that it lies in, as text that is equal for equal networks.
    pub(super) fn prefix(self, length: u32) -> Option<String> {
        (length <= self.length).then(|| {
            let shift = 128 - length;
            let bits = if shift == 128 { 0 } else { self.bits >> shift << shift };
            format!("{}/{length}", Ipv6Addr::from_bits(bits))
        })
    }

    /// Prefix length, counted as for IPv6.
    pub(super) const fn length(self) -> u32 {
        self.length
    }
}
