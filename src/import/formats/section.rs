//! What formats without deployment settings leave open: on which platform a query runs, and what its result says about.

use serde_json::{Map, Value, json};

use crate::import::draft::{Draft, Fate, Section};
use crate::kql::schema::Platform;
use crate::kql::verdict::{Schemas, Verdict};

/// Columns of a result that name an entity which a custom detection can be about, best first.
const ENTITIES: &[(&str, &str, &str)] = &[
    ("DeviceId", "hosts", "deviceIdColumn"),
    ("AccountSid", "accounts", "sidColumn"),
    ("AccountObjectId", "accounts", "aadUserIdColumn"),
    ("AccountUpn", "accounts", "upnColumn"),
    ("InitiatingProcessAccountSid", "accounts", "sidColumn"),
    ("InitiatingProcessAccountUpn", "accounts", "upnColumn"),
    ("RecipientEmailAddress", "mailboxes", "primaryAddressColumn"),
    ("RemoteIP", "ips", "addressColumn"),
    ("IPAddress", "ips", "addressColumn"),
];

/// Whether Defender's tables are enough for a query, and Sentinel's are not needed.
pub(super) fn is_defender(query: &str) -> bool {
    let schemas = Schemas::new(&[]);
    let tables = |platform| schemas.verdict(query, platform).referenced_tables.len();
    let (xdr, sentinel) = (tables(Platform::Xdr), tables(Platform::Sentinel));
    // Sentinel has Defender's tables too, where they are connected; a query that reads nothing else belongs to Defender.
    xdr > 0 && xdr >= sentinel
}

/// A custom detection that runs once a day, about what the query returns.
pub(super) fn defender(draft: &mut Draft, frequency: &str) {
    let query = draft.query.clone().unwrap_or_default();
    let mut settings = Map::new();
    settings.insert("frequency".to_owned(), frequency.into());
    let entities = entities(&query);
    if entities.is_empty() {
        let why = "a custom detection needs one, and the original names none: add `defender.entities`";
        draft.remark(Fate::Changed, "entities", why);
    } else {
        draft.remark(
            Fate::Changed,
            "entities",
            "the original names none; they are taken from the query's columns",
        );
        settings.insert("entities".to_owned(), entities.into());
    }
    draft.defender = Some(Section { settings, ..Section::default() });
}

/// An analytics rule that looks at what came since its last run.
pub(super) fn sentinel(draft: &mut Draft, frequency: &str) {
    let settings = json!({"kind": "scheduled", "frequency": frequency, "period": frequency});
    let settings = settings.as_object().cloned().unwrap_or_default();
    draft.sentinel = Some(Section { settings, ..Section::default() });
}

fn entities(query: &str) -> Map<String, Value> {
    let verdict: Verdict = Schemas::new(&[]).verdict(query, Platform::Xdr);
    let mut found = Map::new();
    for (column, collection, member) in ENTITIES {
        let is_there = verdict.output_columns.iter().any(|known| known.name == *column);
        if is_there && !found.contains_key(*collection) {
            found.insert((*collection).to_owned(), json!([{ *member: column }]));
        }
    }
    found
}
