//! The rules of one workspace (Sentinel) or one tenant (Defender), in memory.
//!
//! A rule is kept as the text of its JSON document, not as a tree: a thousand rules then take a few
//! megabytes, and a list is a concatenation. Text that was rendered for an answer is cached beside it.
//! A shelf knows nothing about what a document means; [`super::arm`] and [`super::graph`] do.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Undo steps kept for the `list_lag` fault and the read-lag switches.
const HISTORY: usize = 1_024;

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// As the caller spelled it.
    pub(crate) id: String,
    pub(crate) etag: String,
    pub(crate) created_by: Actor,
    pub(crate) created_ms: i64,
    pub(crate) modified_by: Actor,
    pub(crate) modified_ms: i64,
    /// What the service counts against its limits ("scheduled", "nrt", or "" for a disabled rule); of a custom detection,
    /// whether an update ended its retired shape ("rewritten").
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) class: String,
    /// Keys that must be unique on the shelf, such as `name:my rule`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) labels: Vec<String>,
    /// The stored JSON document.
    pub(crate) document: String,
}

/// Who wrote a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Actor {
    pub(crate) name: String,
    /// "Application" or "User".
    pub(crate) kind: String,
}

/// A deleted rule whose id, or more, is not free yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gone {
    pub(crate) record: Record,
    pub(crate) deleted_ms: i64,
    /// Reads for which it is still shown.
    pub(crate) reads_left: u64,
}

#[derive(Debug)]
struct Slot {
    record: Arc<Record>,
    /// (stamp, text): valid while the stamp is current.
    rendered: Option<(u64, Arc<str>)>,
}

#[derive(Debug)]
struct Undo {
    at_ms: i64,
    key: String,
    before: Option<(u64, Arc<Record>)>,
}

/// The rules of one workspace or tenant, in order of creation.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    slots: BTreeMap<u64, Slot>,
    by_id: HashMap<String, u64>,
    by_label: HashMap<String, u64>,
    gone: HashMap<String, Gone>,
    history: VecDeque<Undo>,
    next: u64,
    /// Reads since the last write, for the read-lag switches.
    pub(crate) reads_since_write: u64,
}

impl Shelf {
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Record>> {
        let seq = self.by_id.get(&id.to_lowercase())?;
        self.slots.get(seq).map(|slot| &slot.record)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Id of the rule that holds a unique key, unless it is `except` itself.
    pub(crate) fn holder_of(&self, label: &str, except: &str) -> Option<&str> {
        let seq = self.by_label.get(label)?;
        let record = &self.slots.get(seq)?.record;
        (!record.id.eq_ignore_ascii_case(except)).then_some(record.id.as_str())
    }

    pub(crate) fn count_class(&self, class: &str, except: &str) -> u64 {
        let same = |slot: &&Slot| slot.record.class == class && !slot.record.id.eq_ignore_ascii_case(except);
        self.slots.values().filter(same).count() as u64
    }

    /// Inserts or replaces; returns the sequence number, which orders the list.
    pub(crate) fn put(&mut self, record: Record, at_ms: i64) -> u64 {
        let key = record.id.to_lowercase();
        let known = self.by_id.get(&key).copied();
        let seq = known.unwrap_or(self.next);
        self.remember(at_ms, &key);
        self.insert(seq, record);
        self.reads_since_write = 0;
        seq
    }

    /// Puts a record at a known place, when the state is read back.
    pub(crate) fn restore(&mut self, seq: u64, record: Record) {
        self.insert(seq, record);
    }

    pub(crate) fn remove(&mut self, id: &str, at_ms: i64) -> Option<Arc<Record>> {
        let key = id.to_lowercase();
        self.remember(at_ms, &key);
        let seq = self.by_id.remove(&key)?;
        let slot = self.slots.remove(&seq)?;
        for label in &slot.record.labels {
            self.by_label.remove(label);
        }
        self.reads_since_write = 0;
        Some(slot.record)
    }

    pub(crate) fn bury(&mut self, gone: Gone) {
        self.gone.insert(gone.record.id.to_lowercase(), gone);
    }

    pub(crate) fn gone(&self, id: &str) -> Option<&Gone> {
        self.gone.get(&id.to_lowercase())
    }

    pub(crate) fn forget_gone(&mut self, id: &str) {
        self.gone.remove(&id.to_lowercase());
    }

    pub(crate) fn all_gone(&self) -> impl Iterator<Item = &Gone> {
        self.gone.values()
    }

    pub(crate) fn all_gone_mut(&mut self) -> impl Iterator<Item = &mut Gone> {
        self.gone.values_mut()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Arc<Record>)> {
        self.slots.iter().map(|(seq, slot)| (*seq, &slot.record))
    }

    /// Sequence numbers after `seq`, in order.
    pub(crate) fn after(&self, seq: Option<u64>) -> impl Iterator<Item = (u64, &Arc<Record>)> {
        let from = seq.map_or(Bound::Unbounded, Bound::Excluded);
        self.slots.range((from, Bound::Unbounded)).map(|(seq, slot)| (*seq, &slot.record))
    }

    /// The text of a rule as last rendered under `stamp`, or rendered now.
    pub(crate) fn rendered(
        &mut self,
        seq: u64,
        stamp: u64,
        render: impl FnOnce(&Record) -> String,
    ) -> Option<Arc<str>> {
        let slot = self.slots.get_mut(&seq)?;
        if let Some((known, text)) = &slot.rendered
            && *known == stamp
        {
            return Some(Arc::clone(text));
        }
        let text: Arc<str> = render(&slot.record).into();
        slot.rendered = Some((stamp, Arc::clone(&text)));
        Some(text)
    }

    /// The rules as they were before the last `writes` writes, or before `since_ms`.
    pub(crate) fn as_before(
        &self,
        writes: Option<usize>,
        since_ms: Option<i64>,
    ) -> BTreeMap<u64, Arc<Record>> {
        let mut view: BTreeMap<u64, Arc<Record>> =
            self.slots.iter().map(|(seq, slot)| (*seq, Arc::clone(&slot.record))).collect();
        for (steps, undo) in self.history.iter().rev().enumerate() {
            let within = writes.is_some_and(|writes| steps < writes)
                || since_ms.is_some_and(|since| undo.at_ms >= since);
            if !within {
                break;
            }
            view.retain(|_, record| !record.id.eq_ignore_ascii_case(&undo.key));
            if let Some((seq, before)) = &undo.before {
                view.insert(*seq, Arc::clone(before));
            }
        }
        view
    }

    fn insert(&mut self, seq: u64, record: Record) {
        if let Some(old) = self.slots.get(&seq) {
            for label in &old.record.labels {
                self.by_label.remove(label);
            }
        }
        for label in &record.labels {
            self.by_label.insert(label.clone(), seq);
        }
        self.by_id.insert(record.id.to_lowercase(), seq);
        self.next = self.next.max(seq + 1);
        self.slots.insert(seq, Slot { record: Arc::new(record), rendered: None });
    }

    fn remember(&mut self, at_ms: i64, key: &str) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        let before =
            self.by_id.get(key).and_then(|seq| Some((*seq, Arc::clone(&self.slots.get(seq)?.record))));
        self.history.push_back(Undo { at_ms, key: key.to_owned(), before });
    }
}

#[cfg(test)]
pub(crate) fn record(id: &str, document: &str) -> Record {
    let actor = Actor { name: "app".into(), kind: "Application".into() };
    Record {
        id: id.into(),
        etag: "e".into(),
        created_by: actor.clone(),
        created_ms: 0,
        modified_by: actor,
        modified_ms: 0,
        class: String::new(),
        labels: vec![format!("name:{document}")],
        document: document.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(view: &BTreeMap<u64, Arc<Record>>) -> Vec<(&str, &str)> {
        view.values().map(|record| (record.id.as_str(), record.document.as_str())).collect()
    }

    #[test]
    fn ids_are_found_in_any_case_and_keep_their_place() {
        let mut shelf = Shelf::default();
        shelf.put(record("A", "1"), 0);
        shelf.put(record("B", "2"), 0);
        shelf.put(record("a", "3"), 0);
        assert_eq!(shelf.get("A").unwrap().document, "3");
        assert_eq!(shelf.all().map(|(_, r)| r.id.as_str()).collect::<Vec<_>>(), ["a", "B"]);
        assert_eq!(shelf.holder_of("name:3", "x"), Some("a"));
        assert_eq!(shelf.holder_of("name:3", "A"), None);
        assert_eq!(shelf.holder_of("name:1", "x"), None, "the label of the replaced version is free");
    }

    #[test]
    fn the_past_can_be_seen_again() {
        let mut shelf = Shelf::default();
        shelf.put(record("a", "1"), 10);
        shelf.put(record("b", "2"), 20);
        shelf.put(record("a", "3"), 30);
        shelf.remove("b", 40);
        assert_eq!(ids(&shelf.as_before(Some(0), None)), [("a", "3")]);
        assert_eq!(ids(&shelf.as_before(Some(1), None)), [("a", "3"), ("b", "2")]);
        assert_eq!(ids(&shelf.as_before(Some(2), None)), [("a", "1"), ("b", "2")]);
        assert_eq!(ids(&shelf.as_before(None, Some(20))), [("a", "1")]);
        assert_eq!(ids(&shelf.as_before(Some(9), None)), []);
    }

    #[test]
    fn rendered_text_is_kept_until_the_stamp_or_the_rule_changes() {
        let mut shelf = Shelf::default();
        let seq = shelf.put(record("a", "1"), 0);
        let text = |shelf: &mut Shelf, stamp, fresh: &str| {
            shelf.rendered(seq, stamp, |_| fresh.to_owned()).unwrap().to_string()
        };
        assert_eq!(text(&mut shelf, 1, "x"), "x");
        assert_eq!(text(&mut shelf, 1, "y"), "x");
        assert_eq!(text(&mut shelf, 2, "z"), "z");
        shelf.put(record("a", "2"), 0);
        assert_eq!(text(&mut shelf, 2, "w"), "w");
    }
}
