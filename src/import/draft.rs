//! What a rule file will say: the one value that every importer makes.

use serde_json::{Map, Value, json};

use crate::model::rule::{Severity, Status};

/// Keys and values in the order of writing.
pub type Properties = Map<String, Value>;

/// A rule file before it is written. Its members are the keys of the format (docs/formats.md); empty means absent.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The rule's id, also the file's stem; empty until [`super::slug::Ids`] found one.
    pub id: String,
    /// Earlier ids.
    pub previous_ids: Vec<String>,
    /// Display name.
    pub name: String,
    /// Lifecycle.
    pub status: Status,
    /// `false` for a rule that is switched off; `None` leaves it to the environment's lifecycle table.
    pub enabled: Option<bool>,
    /// `None` where the original has none, or one that the services do not know.
    pub severity: Option<Severity>,
    /// The rule's description.
    pub description: Option<String>,
    /// Tactics in the services' spelling, each with its techniques (`T1053`, `T1053.005`), the main one first.
    pub attack: Vec<(String, Vec<String>)>,
    /// Where to read more.
    pub references: Vec<String>,
    /// Known false positives.
    pub false_positives: Vec<String>,
    /// What it cannot see.
    pub blind_spots: Vec<String>,
    /// What to do when it fires.
    pub response: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to select it by.
    pub tags: Vec<String>,
    /// Tables that it reads.
    pub data_sources: Vec<String>,
    /// Environments that take it; empty: all.
    pub environments: Vec<String>,
    /// The KQL, without anything that a tool of ours added.
    pub query: Option<String>,
    /// `defender:`.
    pub defender: Option<Section>,
    /// `sentinel:`.
    pub sentinel: Option<Section>,
    /// Version, date and message of each change, newest first.
    pub changelog: Vec<(String, String, String)>,
    /// What has no place in our format, under keys that begin with `x-`.
    pub extra: Properties,
    /// What the person who imports must know.
    pub remarks: Vec<Remark>,
}

/// A platform's section of a rule file, in the file's own keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Section {
    /// Pins the platform's id.
    pub rule_id: Option<String>,
    /// Workspaces that take the rule (Sentinel only); empty: all of the environment.
    pub workspaces: Vec<String>,
    /// Every other key.
    pub settings: Properties,
}

/// Something that did not simply become a key of the rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What happened to it.
    pub fate: Fate,
    /// What: a property or key, as the original names it.
    pub what: String,
    /// Why, and what to do about it.
    pub why: String,
}

/// What became of a part of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It stands in the file under an `x-` key, and has no effect.
    Kept,
    /// It says the same in another way.
    Changed,
    /// It is not in the file.
    Dropped,
}

impl Fate {
    /// For people and machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Changed => "changed",
            Self::Dropped => "dropped",
        }
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            id: String::new(),
            previous_ids: Vec::new(),
            name: String::new(),
            status: Status::Production,
            enabled: None,
            severity: None,
            description: None,
            attack: Vec::new(),
            references: Vec::new(),
            false_positives: Vec::new(),
            blind_spots: Vec::new(),
            response: None,
            owner: None,
            tags: Vec::new(),
            data_sources: Vec::new(),
            environments: Vec::new(),
            query: None,
            defender: None,
            sentinel: None,
            changelog: Vec::new(),
            extra: Properties::new(),
            remarks: Vec::new(),
        }
    }
}

impl Draft {
    /// Notes what became of a part of the original.
    pub fn remark(&mut self, fate: Fate, what: impl Into<String>, why: impl Into<String>) {
        self.remarks.push(Remark { fate, what: what.into(), why: why.into() });
    }

    /// Keeps `value` under `x-<name>`, with a remark; nothing happens for a value that says nothing.
    pub fn keep(&mut self, name: &str, value: Value, why: impl Into<String>) {
        if says_nothing(&value) {
            return;
        }
        let key = format!("x-{name}");
        self.remark(Fate::Kept, name, format!("{} (`{key}`)", why.into()));
        match (self.extra.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
            (_, value) => {
                self.extra.insert(key, value);
            }
        }
    }

    /// The document, its keys in the order of docs/formats.md.
    #[must_use]
    pub fn document(&self) -> Properties {
        let mut keys = Properties::new();
        keys.insert("id".into(), self.id.as_str().into());
        put_list(&mut keys, "previous_ids", &self.previous_ids);
        keys.insert("name".into(), self.name.as_str().into());
        keys.insert("status".into(), word(&Status::NAMES, self.status).into());
        if let Some(enabled) = self.enabled {
            keys.insert("enabled".into(), enabled.into());
        }
        if let Some(severity) = self.severity {
            keys.insert("severity".into(), word(&Severity::NAMES, severity).into());
        }
        put_text(&mut keys, "description", self.description.as_deref());
        let attack = self.attack.iter().map(|(tactic, techniques)| match techniques.as_slice() {
            [] => json!({"tactic": tactic}),
            techniques => json!({"tactic": tactic, "techniques": techniques}),
        });
        put(&mut keys, "attack", attack.collect());
        put_list(&mut keys, "references", &self.references);
        put_list(&mut keys, "false_positives", &self.false_positives);
        put_list(&mut keys, "blind_spots", &self.blind_spots);
        put_text(&mut keys, "response", self.response.as_deref());
        put_text(&mut keys, "owner", self.owner.as_deref());
        put_list(&mut keys, "tags", &self.tags);
        put_list(&mut keys, "data_sources", &self.data_sources);
        put_list(&mut keys, "environments", &self.environments);
        put_text(&mut keys, "query", self.query.as_deref());
        for (name, section) in [("defender", &self.defender), ("sentinel", &self.sentinel)] {
            if let Some(section) = section {
                keys.insert(name.into(), section.document().into());
            }
        }
        let changelog = self
            .changelog
            .iter()
            .map(|(version, date, message)| json!({"version": version, "date": date, "message": message}));
        put(&mut keys, "changelog", changelog.collect());
        keys.extend(self.extra.clone());
        keys
    }
}

impl Section {
    /// `kind` first, then what pins it, then the rest in its own order.
    fn document(&self) -> Properties {
        let mut keys = Properties::new();
        if let Some(kind) = self.settings.get("kind") {
            keys.insert("kind".into(), kind.clone());
        }
        put_text(&mut keys, "rule_id", self.rule_id.as_deref());
        put_list(&mut keys, "workspaces", &self.workspaces);
        keys.extend(
            self.settings.iter().filter(|(key, _)| *key != "kind").map(|(k, v)| (k.clone(), v.clone())),
        );
        keys
    }
}

/// Null, `""`, `[]`, `{}`, and everything made of nothing but those.
#[must_use]
pub fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(says_nothing),
        Value::Object(members) => members.values().all(says_nothing),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn put(keys: &mut Properties, name: &str, value: Value) {
    if !says_nothing(&value) {
        keys.insert(name.to_owned(), value);
    }
}

fn put_list(keys: &mut Properties, name: &str, items: &[String]) {
    put(keys, name, json!(items));
}

fn put_text(keys: &mut Properties, name: &str, text: Option<&str>) {
    // An empty value is an error in a rule file, and a text of several lines ends with a line break there.
    if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
        let many = text.contains('\n') || name == "query";
        let text = if many { format!("{}\n", text.trim_end()) } else { text.to_owned() };
        keys.insert(name.to_owned(), text.into());
    }
}

fn word<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_members_are_absent_and_the_order_is_that_of_the_format() {
        let mut draft = Draft {
            id: "a".into(),
            name: "A".into(),
            severity: Some(Severity::High),
            description: Some("  ".into()),
            query: Some("T | take 1".into()),
            attack: vec![("Persistence".into(), vec![])],
            ..Draft::default()
        };
        let settings = json!({"frequency": "PT1H", "kind": "scheduled"});
        draft.sentinel = Some(Section {
            rule_id: Some("x".into()),
            settings: settings.as_object().cloned().unwrap_or_default(),
            ..Section::default()
        });
        draft.keep("vendor", json!({"a": []}), "unused");
        draft.keep("author", json!("me"), "the format has no author");
        assert_eq!(
            Value::Object(draft.document()).to_string(),
            r#"{"id":"a","name":"A","status":"production","severity":"high","attack":[{"tactic":"Persistence"}],"query":"T | take 1\n","sentinel":{"kind":"scheduled","rule_id":"x","frequency":"PT1H"},"x-author":"me"}"#
        );
        assert_eq!(draft.remarks.len(), 1);
    }
}
