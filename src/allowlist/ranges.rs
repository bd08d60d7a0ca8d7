//! Finds, among many ranges, those that hold a given one, without looking at all of them.
//!
//! Ranges are ordered by their lower bound, and a tree over that order knows the greatest upper bound of every part of it; a
//! part whose greatest is too small is skipped whole. What is found is found one by one, so a search that is content with the
//! first costs little more than the depth of the tree.

use jiff::Timestamp;

use crate::model::allowlist::{Predicate, Test, Value};
use crate::source::Spanned;

/// What bounds are counted in: numbers and points in time never hold each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Domain {
    Number,
    Time,
}

/// The least and the greatest value that a predicate takes. Rounding keeps the order, so it may at most make two equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hull {
    pub(super) domain: Domain,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Hull {
    /// Of a range, or of single values; `None` for what is no number and no point in time.
    pub(super) fn of(predicate: &Predicate) -> Option<Self> {
        match &predicate.test {
            Test::Equals(value) => Self::around(std::slice::from_ref(value)),
            Test::In(values) => Self::around(values),
            Test::Range { min, max } => {
                let bound = |bound: &Option<Spanned<Value>>| bound.as_ref().map(|bound| point(&bound.value));
                let (low, high) = match (bound(min), bound(max)) {
                    (Some(low), Some(high)) => (Some(low?), Some(high?)),
                    (Some(low), None) => (Some(low?), None),
                    (None, high) => (None, Some(high??)),
                };
                let domain = low.or(high)?.0;
                let of = |bound: Option<(Domain, f64)>, open: f64| match bound {
                    Some((of, value)) => (of == domain).then_some(value),
                    None => Some(open),
                };
                Some(Self { domain, low: of(low, f64::NEG_INFINITY)?, high: of(high, f64::INFINITY)? })
            }
            _ => None,
        }
    }

    fn around(values: &[Spanned<Value>]) -> Option<Self> {
        let mut points = values.iter().map(|value| point(&value.value));
        let (domain, first) = points.next()??;
        let mut hull = Self { domain, low: first, high: first };
        for point in points {
            let (of, value) = point?;
            if of != domain {
                return None;
            }
            hull.low = hull.low.min(value);
            hull.high = hull.high.max(value);
        }
        Some(hull)
    }
}

#[expect(clippy::cast_precision_loss, reason = "keeps the order; what is found is compared exactly")]
fn point(value: &Value) -> Option<(Domain, f64)> {
    match value {
        Value::Long(number) => Some((Domain::Number, *number as f64)),
        Value::Real(number) => Some((Domain::Number, *number)),
        Value::DateTime(text) => {
            Some((Domain::Time, text.parse::<Timestamp>().ok()?.as_microsecond() as f64))
        }
        Value::String(_) | Value::Bool(_) => None,
    }
}

/// Ranges of one column, each with a number that means something to the caller.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    items: Vec<(Hull, u32)>,
    /// Greatest upper bounds: the children of `n` are `2n` and `2n + 1`, the leaves begin at `leaves`.
    tree: Vec<f64>,
    leaves: usize,
}

impl Ranges {
    /// Adds one. Call [`Ranges::settle`] after the last.
    pub(super) fn push(&mut self, hull: Hull, number: u32) {
        self.items.push((hull, number));
    }

    /// Orders what was added and makes the tree.
    pub(super) fn settle(&mut self) {
        self.items.sort_by(|(a, one), (b, other)| a.low.total_cmp(&b.low).then(one.cmp(other)));
        self.leaves = self.items.len().next_power_of_two();
        self.tree = vec![f64::NEG_INFINITY; 2 * self.leaves];
        for (at, (hull, _)) in self.items.iter().enumerate() {
            if let Some(leaf) = self.tree.get_mut(self.leaves + at) {
                *leaf = hull.high;
            }
        }
        for at in (1..self.leaves).rev() {
            let greatest = self.greatest(2 * at).max(self.greatest(2 * at + 1));
            if let Some(node) = self.tree.get_mut(at) {
                *node = greatest;
            }
        }
    }

    fn greatest(&self, node: usize) -> f64 {
        self.tree.get(node).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// The first range that holds `hull` and that `accept` makes something of.
    pub(super) fn find<T>(&self, hull: Hull, mut accept: impl FnMut(u32) -> Option<T>) -> Option<T> {
        let end = self.items.partition_point(|(item, _)| item.low <= hull.low);
        if end == 0 {
            return None;
        }
        let mut open = vec![1_usize];
        while let Some(node) = open.pop() {
            // The first leaf below the node.
            let depth = self.leaves.ilog2() - node.ilog2();
            let first = (node << depth) - self.leaves;
            if first >= end || self.greatest(node) < hull.high {
                continue;
            }
            if node < self.leaves {
                open.extend([2 * node + 1, 2 * node]);
            } else if let Some((_, number)) = self.items.get(first)
                && let Some(found) = accept(*number)
            {
                return Some(found);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hull(low: i32, high: i32) -> Hull {
        Hull { domain: Domain::Number, low: low.into(), high: high.into() }
    }

    proptest! {
        #[test]
        fn finds_exactly_those_that_hold_it(
            items in prop::collection::vec((-20..20, 0..20), 0..40),
            low in -25..25,
            length in 0..25,
        ) {
            let mut ranges = Ranges::default();
            for ((low, length), number) in items.iter().zip(0..) {
                ranges.push(hull(*low, low + length), number);
            }
            ranges.settle();
            let mut found = Vec::new();
            let none: Option<()> = ranges.find(hull(low, low + length), |number| {
                found.push(number);
                None
            });
            prop_assert_eq!(none, None);
            found.sort_unstable();
            let holds = |(item, _): &(&(i32, i32), u32)| item.0 <= low && item.0 + item.1 >= low + length;
            let expected: Vec<u32> = items.iter().zip(0..).filter(holds).map(|(_, number)| number).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
