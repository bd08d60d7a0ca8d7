//! What is left of a rule's properties while they are raised: each is taken out once it has found its place.

use serde_json::Value;

use crate::duration::IsoDuration;
use crate::import::draft::{Draft, Properties, says_nothing};
use crate::model::rule::Severity;
use crate::yaml::decode::scalar::is_acceptable;

/// Properties that have no place yet. A taker that does not like what it finds leaves it.
#[derive(Debug)]
pub(super) struct Rest(Properties);

impl Rest {
    /// Nulls and values without content mean absence everywhere.
    pub(super) fn new(properties: &Properties) -> Self {
        let said = properties.iter().filter(|(_, value)| !says_nothing(value));
        Self(said.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Takes a property that `read` can make something of.
    pub(super) fn take<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let found = self.0.get(name).and_then(read)?;
        self.0.shift_remove(name);
        Some(found)
    }

    /// Whether everything has found its place.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.take(name, Value::as_bool)
    }

    /// Text on one line.
    pub(super) fn line(&mut self, name: &str) -> Option<String> {
        self.take(name, line)
    }

    /// Text of any number of lines.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| {
            let lines = value.as_str()?.replace("\r\n", "\n").replace('\r', "\n");
            is_acceptable(&lines, true).then_some(lines)
        })
    }

    /// One word of a list.
    pub(super) fn word(&mut self, name: &str, words: &[&str]) -> Option<String> {
        self.take(name, |value| word(value, words))
    }

    /// An ISO-8601 duration in its shortest spelling.
    pub(super) fn duration(&mut self, name: &str) -> Option<IsoDuration> {
        self.take(name, |value| IsoDuration::parse(value.as_str()?).ok())
    }

    /// A severity, however it is capitalised.
    pub(super) fn severity(&mut self, name: &str) -> Option<Severity> {
        self.take(name, severity)
    }

    /// The members of an object; what `raise` leaves of them stays.
    pub(super) fn object<T>(&mut self, name: &str, raise: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let mut inside = Self::new(self.0.get(name)?.as_object()?);
        let raised = raise(&mut inside);
        if inside.0.is_empty() {
            self.0.shift_remove(name);
        } else {
            self.0.insert(name.to_owned(), Value::Object(inside.0));
        }
        Some(raised)
    }

    /// Keeps what is left in the draft.
    pub(super) fn settle(self, draft: &mut Draft, key: &str) {
        for (name, value) in self.0 {
            let mut members = Properties::new();
            members.insert(name.clone(), value.clone());
            let before = draft.remarks.len();
            draft.keep(
                key,
                Value::Object(members),
                "a rule file has no key for it, or cannot hold its value",
            );
            if let Some(remark) = draft.remarks.get_mut(before) {
                remark.what = format!("{key}: {name}");
            }
        }
    }
}

/// Text on one line, if a rule file may hold it.
pub(super) fn line(value: &Value) -> Option<String> {
    value.as_str().filter(|text| is_acceptable(text, false)).map(str::to_owned)
}

/// Every item as text on one line, or nothing.
pub(super) fn lines(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(line).collect()
}

pub(super) fn word(value: &Value, words: &[&str]) -> Option<String> {
    let found = value.as_str()?;
    words.contains(&found).then(|| found.to_owned())
}

pub(super) fn severity(value: &Value) -> Option<Severity> {
    let found = value.as_str()?;
    Severity::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(found)).map(|(_, severity)| *severity)
}

/// The word that rule files use.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    Severity::NAMES.iter().find(|(_, known)| *known == severity).map_or("", |(name, _)| name)
}

/// A mapping from key to column, if rule files may hold it as it is.
pub(super) fn columns(value: &Value) -> Option<Value> {
    let members = value.as_object()?;
    let fine = members.iter().all(|(key, column)| is_key(key) && line(column).is_some());
    fine.then(|| value.clone())
}

/// Whether a text can be a key of a mapping.
pub(super) fn is_key(text: &str) -> bool {
    is_acceptable(text, false) && text != "<<"
}
