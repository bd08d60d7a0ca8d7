//! Rules as the services hold them: what we want ([`Resource`]), what is there ([`Live`]), and whose it is ([`Marker`]).
//!
//! The content of a rule is a [`Body`]: a JSON object in the API's own property names, without anything that the server
//! owns and without our marker. That one form is what `compile` makes, what providers read and write, what `diff`
//! compares and what a saved plan holds. This module talks to nobody; identity (which platform id a rule gets) is
//! computed here and nowhere else.

mod identity;
mod marker;
mod schema;

pub use identity::{
    WATCHLIST, defender_rule_id, is_defender_rule_id, sentinel_rule_id, sentinel_successor_id, watchlist_id,
};
pub use marker::{Marker, MarkerCarrier};
pub use schema::{Field, Schema, Shape};

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::address::Address;

/// A rule's managed content: the API's property names and values.
pub type Body = serde_json::Map<String, Value>;

/// What kind of rule it is, in the API's words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Sentinel, on a schedule.
    Scheduled,
    /// Sentinel, near real time.
    #[serde(rename = "NRT")]
    Nrt,
    /// Sentinel, incidents from another product's alerts.
    MicrosoftSecurityIncidentCreation,
    /// Sentinel, the correlation engine.
    Fusion,
    /// Sentinel, machine learning by template.
    #[serde(rename = "MLBehaviorAnalytics")]
    MlBehaviorAnalytics,
    /// Sentinel, Microsoft's threat intelligence by template.
    ThreatIntelligence,
    /// Sentinel, a table of values that rules refer to; no rule, but planned like one.
    Watchlist,
    /// Defender.
    CustomDetection,
    /// One that this version does not know: never written.
    Other(String),
}

impl Kind {
    /// The word that the API uses.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::Nrt => "NRT",
            Self::MicrosoftSecurityIncidentCreation => "MicrosoftSecurityIncidentCreation",
            Self::Fusion => "Fusion",
            Self::MlBehaviorAnalytics => "MLBehaviorAnalytics",
            Self::ThreatIntelligence => "ThreatIntelligence",
            Self::Watchlist => "Watchlist",
            Self::CustomDetection => "CustomDetection",
            Self::Other(kind) => kind,
        }
    }

    /// Where a rule of this kind carries its marker; `None` when the service lets nobody write any text of it (Fusion,
    /// machine learning, threat intelligence). Such rules are ours only by their id, are always compared in full, and
    /// are never pruned, because nothing on them proves who made them.
    #[must_use]
    pub const fn marker_carrier(&self) -> Option<MarkerCarrier> {
        match self {
            Self::Scheduled | Self::Nrt => Some(MarkerCarrier::QueryComment),
            Self::MicrosoftSecurityIncidentCreation | Self::CustomDetection | Self::Watchlist => {
                Some(MarkerCarrier::Description)
            }
            Self::Fusion | Self::MlBehaviorAnalytics | Self::ThreatIntelligence | Self::Other(_) => None,
        }
    }

    /// The kind that the Sentinel API calls `word`.
    #[must_use]
    pub fn of_sentinel(word: &str) -> Self {
        [
            Self::Scheduled,
            Self::Nrt,
            Self::MicrosoftSecurityIncidentCreation,
            Self::Fusion,
            Self::MlBehaviorAnalytics,
            Self::ThreatIntelligence,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

/// A rule as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Where and which.
    pub address: Address,
    /// The platform's id.
    pub remote_id: String,
    /// What kind.
    pub kind: Kind,
    /// The rule file pins that id, so the rule may be somebody else's making.
    pub pinned: bool,
    /// Its content, complete; `diff::canonical` makes it comparable. Shared by environments that say nothing about the rule.
    pub body: Arc<Body>,
    /// Refuses deletion.
    pub protect: bool,
    /// Where each line of the query came from, first line first; empty for rules without a query.
    pub lines: Arc<[LineOrigin]>,
    /// Allowlist entries in force in this rule, in the order of compilation.
    pub entries: Vec<EntryUse>,
}

/// Where a line of a compiled query came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum LineOrigin {
    /// The rule's own text.
    Rule {
        /// File; shared, because every line of every query has one.
        #[serde(with = "shared")]
        path: Arc<str>,
        /// Line in it, from 1.
        line: u32,
    },
    /// A line of the rule whose `let` literal an environment replaced.
    Parameter {
        /// The environment's file.
        #[serde(with = "shared")]
        path: Arc<str>,
        /// Line in it, from 1.
        line: u32,
        /// The parameter's name.
        name: String,
    },
    /// An allowlist slot.
    Allowlist {
        /// `file#entry` of each entry, in order.
        entries: Vec<String>,
    },
}

/// Shared text as a JSON string.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

/// An allowlist entry that a compiled rule contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryUse {
    /// The file, for example `environments/prod/allowlists/updaters.yaml`.
    pub path: String,
    /// Line of the entry in it, from 1.
    pub line: u32,
    /// The entry's id.
    pub entry: String,
    /// First day on which it no longer holds (ISO).
    pub expires: String,
    /// The compiled predicate, one line; a digest when the list is sensitive.
    pub predicate: String,
    /// Values must not be shown.
    pub sensitive: bool,
    /// It is weaker than required, and somebody agreed to that.
    pub exception: bool,
}

/// Three pairs of parentheses around a slot's condition mark an entry of a sensitive list; no other entry begins so.
pub(crate) const SENSITIVE_OPEN: &str = "(((";

/// Marks the condition of a slot, `(…)`, as one whose values must not be shown.
///
/// The mark is written into the deployed query, so that a later plan knows not to show the line even when the list is
/// gone; parentheses, unlike a comment, may stand in continuous rules too.
#[must_use]
pub fn mark_sensitive(condition: &str) -> String {
    format!("(({condition}))")
}

/// Where the condition of a sensitive slot line begins, if this is one.
#[must_use]
pub fn sensitive_condition(line: &str) -> Option<usize> {
    let text = line.trim_start();
    let condition = text.strip_prefix("| where not(").or_else(|| text.strip_prefix("or "))?;
    condition.starts_with(SENSITIVE_OPEN).then(|| line.len() - condition.len())
}

/// A rule as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// The platform's id, as the platform spells it.
    pub remote_id: String,
    /// What kind.
    pub kind: Kind,
    /// Its display name.
    pub name: String,
    /// Its managed content: no server-owned property, no marker.
    pub body: Body,
    /// Properties that this version does not know; carried along on every write so that none is lost.
    pub unknown: Body,
    /// Whose it is, when it carries a marker.
    pub marker: Option<Marker>,
    /// What the service knows about it.
    pub server: ServerFacts,
    /// Set when the service switched it off by itself, with its reason.
    pub auto_disabled: Option<String>,
}

/// Facts that the service keeps about a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// For optimistic concurrency (Sentinel only).
    pub etag: Option<String>,
    /// When it was last changed (as the service spells it).
    pub modified_at: Option<String>,
    /// By whom.
    pub modified_by: Option<String>,
    /// The service answered in the shape that it has retired (Defender before 2026-10-01, CONTRACT A.0): content was
    /// mapped, and an update rewrites it in the present shape.
    pub legacy: bool,
    /// What the retired shape said and the present one has no place for, as paths. Rewriting the rule would lose it.
    pub unmapped: Vec<String>,
    /// The service's id of the request that wrote it; none for rules that were only read.
    pub request_id: Option<String>,
}

/// A SHA-256 over a rule's kind and canonical body, in hexadecimal; equal digests mean equal rules.
///
/// The body must be canonical. Object keys are sorted here, so their order does not count.
#[must_use]
pub fn digest(kind: &Kind, body: &Body) -> String {
    let mut text = format!("{}\0", kind.as_str());
    write_members(body, &mut text);
    hex(&Sha256::digest(text.as_bytes()))
}

/// One line of CSV (RFC 4180): the form in which an item of a watchlist is compared and uploaded.
#[must_use]
pub fn csv_line<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let quoted = |cell: &str| {
        let plain = !cell.contains([',', '"', '\n', '\r']) && cell.trim() == cell;
        if plain { cell.to_owned() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
    };
    cells.into_iter().map(quoted).collect::<Vec<_>>().join(",")
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Compact JSON with object keys in order.
#[must_use]
pub fn sorted_json(value: &Value) -> String {
    let mut text = String::new();
    write_sorted(value, &mut text);
    text
}

fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => write_members(map, text),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_sorted(item, text);
            }
            text.push(']');
        }
        Value::String(string) => write_string(string, text),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Null => text.push_str("null"),
    }
}

fn write_members(map: &Body, text: &mut String) {
    let mut members: Vec<(&String, &Value)> = map.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    text.push('{');
    for (at, (name, value)) in members.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write_string(name, text);
        text.push(':');
        write_sorted(value, text);
    }
    text.push('}');
}

/// Escaped as `serde_json` does it, so that a digest does not depend on who wrote the text.
fn write_string(string: &str, text: &mut String) {
    use std::fmt::Write as _;
    text.push('"');
    let mut rest = string;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(at);
        text.push_str(plain);
        match special.as_bytes().first() {
            Some(b'"') => text.push_str("\\\""),
            Some(b'\\') => text.push_str("\\\\"),
            Some(b'\n') => text.push_str("\\n"),
            Some(b'\r') => text.push_str("\\r"),
            Some(b'\t') => text.push_str("\\t"),
            Some(8) => text.push_str("\\b"),
            Some(12) => text.push_str("\\f"),
            Some(control) => {
                let _ = write!(text, "\\u{control:04x}");
            }
            None => {}
        }
        rest = special.get(1..).unwrap_or_default();
    }
    text.push_str(rest);
    text.push('"');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The same text by way of maps that are ordered by themselves, written by `serde_json`.
    fn by_ordered_maps(value: &Value) -> String {
        match value {
            Value::Object(map) => {
                let members: BTreeMap<&String, String> =
                    map.iter().map(|(name, value)| (name, by_ordered_maps(value))).collect();
                let members: Vec<String> =
                    members.into_iter().map(|(name, text)| format!("{}:{text}", json!(name))).collect();
                format!("{{{}}}", members.join(","))
            }
            Value::Array(items) => {
                format!("[{}]", items.iter().map(by_ordered_maps).collect::<Vec<_>>().join(","))
            }
            leaf => leaf.to_string(),
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\u{0}-\u{1f}\"\\\\a\u{7f}é]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn sorted_json_is_json_with_its_keys_in_order(value in any_json()) {
            prop_assert_eq!(sorted_json(&value), by_ordered_maps(&value));
        }
    }

    #[test]
    fn a_digest_is_of_the_kind_and_the_sorted_body() {
        let Value::Object(body) = json!({"b": [1, "x\n"], "a": {"d": null, "c": true}}) else { panic!() };
        // printf 'NRT\0{"a":{"c":true,"d":null},"b":[1,"x\\n"]}' | sha256sum
        assert_eq!(
            digest(&Kind::Nrt, &body),
            "c56083df72cedf67539d74320df89b9555200ca0039fa8b0bfc17be0704cec83"
        );
        assert_eq!(hex(&[0, 0x0f, 0xa5]), "000fa5");
    }
}
