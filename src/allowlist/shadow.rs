//! Finds entries that another entry makes superfluous, without comparing every entry with every other.
//!
//! An entry is made superfluous only by one whose every predicate some predicate of it implies. So each entry is filed once
//! under its most telling predicate (its *anchor*), by keys that any implied condition must share: a value, a beginning, an
//! end, a few characters in a row (the rarest of them), a network. Ranges are kept apart, in order (`ranges`). An entry then looks up the keys that its own predicates have, and only what is
//! filed there is compared exactly. The anchor is the predicate whose keys are rarest in the whole repository, so a column that
//! every entry has (a folder, a domain) does not make the search slow. Lists that reach few rules are filed apart for each of
//! them: fifty environments with one updater each do not meet.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

use crate::model::Repository;
use crate::model::allowlist::{Entry, Predicate, Test, Value};

use super::event::{Network, fold};
use super::implies;
use super::ranges::{Hull, Ranges};
use super::uses::Reach;

/// Lists that reach more pairs of environment and rule than this are filed once, for all.
const NARROW: u32 = 64;
/// Beginnings, ends and substrings are looked at up to this many bytes.
const LONGEST: usize = 512;
/// How many characters in a row substrings are found by. Enough that a number or a word in them tells one from another.
const PIECE: usize = 6;

/// Two entries, by index of list and entry in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    /// The superfluous one.
    pub(super) narrow: (usize, usize),
    /// The one that does its work.
    pub(super) wide: (usize, usize),
    /// Both have the same conditions.
    pub(super) same: bool,
}

/// An entry under consideration.
struct Item<'a> {
    list: usize,
    place: (usize, usize),
    slot: &'a str,
    entry: &'a Entry,
}

/// The first entry that makes another one superfluous, for every entry that has one; in the order of the files.
pub(super) fn pairs(repository: &Repository, reach: &Reach) -> Vec<Pair> {
    let items: Vec<Item<'_>> = repository
        .allowlists
        .iter()
        .enumerate()
        .filter(|(list, _)| reach.size(*list) > 0)
        .flat_map(|(list, file)| {
            file.entries.iter().enumerate().map(move |(number, entry)| Item {
                list,
                place: (list, number),
                slot: file.slot.value.as_str(),
                entry,
            })
        })
        .collect();
    let index = Index::of(&items, reach);
    let shadow = |(number, item)| shadow_of(number, item, &items, &index, reach);
    items.iter().enumerate().filter_map(shadow).collect()
}

fn shadow_of(
    number: usize,
    item: &Item<'_>,
    items: &[Item<'_>],
    index: &Index,
    reach: &Reach,
) -> Option<Pair> {
    let places = [reach.pairs(item.list).next(), None];
    let mut candidates: Vec<u32> = Vec::new();
    for predicate in &item.entry.predicates {
        let lengths = index.lengths.get(&column_key(item.slot, predicate)).copied().unwrap_or(0);
        for key in lookup_keys(item.slot, predicate, lengths) {
            for place in places {
                candidates.extend(index.keys.get(&placed(key, place)).into_iter().flatten());
            }
        }
    }
    candidates.sort_unstable();
    candidates.dedup();
    let judge = |candidate: u32| {
        let candidate = candidate as usize;
        let wide = items.get(candidate).filter(|_| candidate != number)?;
        let same_place = wide.slot == item.slot && reach.includes(wide.list, item.list);
        if !same_place || wide.entry.expires.value < item.entry.expires.value {
            return None;
        }
        if !implies::entry(item.entry, wide.entry) {
            return None;
        }
        let same = implies::entry(wide.entry, item.entry);
        // Of two equal ones the first stays, unless it is the one that would end sooner or reach less.
        let equal = same
            && wide.entry.expires.value == item.entry.expires.value
            && reach.includes(item.list, wide.list);
        (!equal || candidate < number).then_some(Pair { narrow: item.place, wide: wide.place, same })
    };
    if let Some(found) = candidates.into_iter().find_map(judge) {
        return Some(found);
    }
    item.entry.predicates.iter().find_map(|predicate| {
        let hull = Hull::of(predicate)?;
        let key = range_key(item.slot, predicate, hull);
        let ranges = places.into_iter().filter_map(|place| index.ranges.get(&placed(key, place)));
        ranges.into_iter().find_map(|ranges| ranges.find(hull, judge))
    })
}

/// Entries by the keys of their anchors.
#[derive(Default)]
struct Index {
    keys: HashMap<u64, Vec<u32>>,
    /// Those whose anchor is a range: any other may lie in it.
    ranges: HashMap<u64, Ranges>,
    /// For each column how long the pieces of substrings are that are looked for: a bit for each length, from one on.
    lengths: HashMap<u64, u32>,
}

impl Index {
    fn of(items: &[Item<'_>], reach: &Reach) -> Self {
        let mut frequency: HashMap<u64, u32> = HashMap::new();
        for item in items {
            for predicate in &item.entry.predicates {
                for key in filing_keys(item.slot, predicate).into_iter().flatten() {
                    *frequency.entry(key).or_default() += 1;
                }
            }
        }
        let count = |key: &u64| frequency.get(key).copied().unwrap_or(0);
        let mut index = Self::default();
        for (item, number) in items.iter().zip(0_u32..) {
            // For each way to imply a condition its rarest key; the condition whose commonest key is the rarest.
            let keys = item.entry.predicates.iter().map(|predicate| {
                let ways = filing_keys(item.slot, predicate).into_iter();
                let keys: Vec<u64> = ways.filter_map(|way| way.into_iter().min_by_key(count)).collect();
                (predicate, keys)
            });
            let crowd = |(_, keys): &(&Predicate, Vec<u64>)| keys.iter().map(count).max().unwrap_or(u32::MAX);
            let Some((anchor, keys)) = keys.min_by_key(crowd) else { continue };
            let places: Vec<Option<(u32, u32)>> = if reach.size(item.list) <= NARROW {
                reach.pairs(item.list).map(Some).collect()
            } else {
                vec![None]
            };
            for place in places {
                index.file(item.slot, anchor, &keys, place, number);
            }
        }
        index.ranges.values_mut().for_each(Ranges::settle);
        index
    }

    fn file(&mut self, slot: &str, anchor: &Predicate, keys: &[u64], place: Option<(u32, u32)>, number: u32) {
        if let (Test::Range { .. }, Some(hull)) = (&anchor.test, Hull::of(anchor)) {
            let key = placed(range_key(slot, anchor, hull), place);
            self.ranges.entry(key).or_default().push(hull, number);
            return;
        }
        *self.lengths.entry(column_key(slot, anchor)).or_default() |= piece_lengths(anchor);
        for key in keys {
            let filed = self.keys.entry(placed(*key, place)).or_default();
            if filed.last() != Some(&number) {
                filed.push(number);
            }
        }
    }
}

/// Under which keys a condition is found by those that imply it: for each way to imply it, keys of which one is enough.
fn filing_keys(slot: &str, predicate: &Predicate) -> Vec<Vec<u64>> {
    let column = predicate.column.value.as_str();
    let key = |kind: &str, text: &str| hash(&(slot, column, kind, text));
    let texts = |kind: &str, values: &[crate::source::Spanned<String>]| {
        values.iter().map(|value| vec![key(kind, &fold(&value.value))]).collect::<Vec<_>>()
    };
    let value = |value: &Value| vec![key("value", &spelled(value))];
    let part = |text: &str| pieces(text).map(|piece| key("part", piece)).collect::<Vec<_>>();
    match &predicate.test {
        Test::Equals(one) => vec![value(&one.value)],
        Test::In(values) => values.iter().map(|one| value(&one.value)).collect(),
        Test::StartsWith(values) => texts("start", values),
        Test::EndsWith(values) => texts("end", values),
        Test::Contains(values) | Test::Has(values) => {
            values.iter().map(|value| part(&fold(&value.value))).collect()
        }
        Test::Regex(pattern) => match required_part(&pattern.value) {
            Some(text) if !text.is_empty() => vec![part(&text), vec![key("regex", &pattern.value)]],
            _ => vec![vec![key("regex", "")], vec![key("regex", &pattern.value)]],
        },
        Test::Cidr(networks) => networks
            .iter()
            .filter_map(|network| Network::parse(&network.value))
            .filter_map(|network| network.prefix(network.length()))
            .map(|network| vec![key("network", &network)])
            .collect(),
        Test::Watchlist { alias, .. } => vec![vec![key("watchlist", &alias.value)]],
        // Ranges are found by what lies in them; how often one is there says how telling it is.
        Test::Range { .. } => {
            let hull = Hull::of(predicate).map(|hull| format!("{:?}..{:?}", hull.low, hull.high));
            vec![vec![key("range", &hull.unwrap_or_default())]]
        }
    }
}

/// The lengths of the pieces that a condition's substrings are filed under.
fn piece_lengths(predicate: &Predicate) -> u32 {
    let length = |text: &str| match text.chars().count().min(PIECE) {
        0 => 0,
        length => 1 << (length - 1),
    };
    match &predicate.test {
        Test::Contains(values) | Test::Has(values) => {
            values.iter().fold(0, |lengths, value| lengths | length(&fold(&value.value)))
        }
        Test::Regex(pattern) => required_part(&pattern.value).map_or(0, |text| length(&text)),
        _ => 0,
    }
}

fn column_key(slot: &str, predicate: &Predicate) -> u64 {
    hash(&(slot, predicate.column.value.as_str()))
}

/// Where ranges of a column are kept.
fn range_key(slot: &str, predicate: &Predicate, hull: Hull) -> u64 {
    hash(&(slot, predicate.column.value.as_str(), hull.domain))
}

/// Under which keys those conditions are filed that this one may imply.
fn lookup_keys(slot: &str, predicate: &Predicate, lengths: u32) -> Vec<u64> {
    let column = predicate.column.value.as_str();
    let key = |kind: &str, text: &str| hash(&(slot, column, kind, text));
    let mut keys = Vec::new();
    let first_value = match &predicate.test {
        Test::Equals(value) => Some(&value.value),
        Test::In(values) => values.first().map(|value| &value.value),
        _ => None,
    };
    // Every value must be taken by the other condition, so the first of them is enough to find it.
    let first_text = match &predicate.test {
        Test::StartsWith(values) | Test::EndsWith(values) | Test::Contains(values) | Test::Has(values) => {
            values.first().map(|value| fold(&value.value))
        }
        _ => match first_value {
            Some(Value::String(text)) => Some(fold(text)),
            _ => None,
        },
    };
    if let Some(value) = first_value {
        keys.push(key("value", &spelled(value)));
        keys.push(key("regex", ""));
    }
    if let Some(text) = &first_text {
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= LONGEST);
        if matches!(predicate.test, Test::StartsWith(_) | Test::Equals(_) | Test::In(_)) {
            keys.extend(ends.filter_map(|end| text.get(..end)).map(|start| key("start", start)));
        }
        if matches!(predicate.test, Test::EndsWith(_) | Test::Equals(_) | Test::In(_)) {
            let starts = text.char_indices().map(|(at, _)| at).filter(|at| text.len() - at <= LONGEST);
            keys.extend(starts.filter_map(|at| text.get(at..)).map(|end| key("end", end)));
        }
        keys.extend(parts(text, lengths).map(|part| key("part", part)));
    }
    match &predicate.test {
        Test::Cidr(networks) => {
            keys.extend(
                networks
                    .first()
                    .and_then(|network| Network::parse(&network.value))
                    .into_iter()
                    .flat_map(|network| {
                        (0..=network.length()).filter_map(move |length| network.prefix(length))
                    })
                    .map(|network| key("network", &network)),
            );
        }
        Test::Equals(_) | Test::In(_) => {
            if let Some(address) = first_text.as_deref().and_then(Network::parse) {
                let networks = (0..=address.length()).filter_map(|length| address.prefix(length));
                keys.extend(networks.map(|network| key("network", &network)));
            }
        }
        Test::Regex(pattern) => keys.push(key("regex", &pattern.value)),
        Test::Watchlist { alias, .. } => keys.push(key("watchlist", &alias.value)),
        _ => {}
    }
    keys
}

/// How a value is filed: equal for values that a test without case takes for equal, and for numbers of both types.
#[expect(clippy::cast_precision_loss, reason = "only groups numbers; equality is decided exactly later")]
fn spelled(value: &Value) -> String {
    match value {
        Value::String(text) => fold(text),
        Value::Long(number) => format!("{:?}", *number as f64),
        Value::Real(number) => format!("{number:?}"),
        Value::Bool(truth) => format!("{truth}"),
        Value::DateTime(point) => point.clone(),
    }
}

/// Every [`PIECE`] characters in a row; all of a shorter text.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(at, _)| at);
    starts.enumerate().map_while(move |(number, at)| {
        let rest = text.get(at..)?;
        let mut ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
        match ends.nth(PIECE - 1) {
            Some(end) => rest.get(..end),
            None => (number == 0).then_some(rest),
        }
    })
}

/// Everything in a text that is as many characters long as one of `lengths` says (a bit for each, from one on).
fn parts(text: &str, lengths: u32) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST);
    starts.flat_map(move |at| {
        let rest = text.get(at..).unwrap_or("");
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).take(PIECE).zip(0..);
        ends.filter(move |(_, bit)| lengths & (1 << bit) != 0).filter_map(move |(end, _)| rest.get(..end))
    })
}

/// A text that everything which an expression finds must contain, in lower case.
fn required_part(pattern: &str) -> Option<String> {
    use regex_syntax::hir::{Hir, HirKind};
    fn longest(hir: &Hir) -> Option<String> {
        match hir.kind() {
            HirKind::Literal(literal) => {
                std::str::from_utf8(&literal.0).ok().filter(|text| text.is_ascii()).map(fold)
            }
            HirKind::Concat(parts) => parts.iter().filter_map(longest).max_by_key(String::len),
            HirKind::Capture(group) => longest(&group.sub),
            HirKind::Repetition(repetition) if repetition.min > 0 => longest(&repetition.sub),
            _ => None,
        }
    }
    longest(&regex_syntax::parse(pattern).ok()?)
}

/// A key for one pair of environment and rule, or for all.
fn placed(key: u64, place: Option<(u32, u32)>) -> u64 {
    hash(&(key, place))
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
