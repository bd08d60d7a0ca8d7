//! "Did you mean": the known name nearest to an unknown one.

use super::Binder;
use super::symbols::{Sym, TableId};
use crate::kql::builtins::{BuiltinKind, names};

impl Binder<'_> {
    /// A column, variable or table that `name` was probably meant to be.
    pub(super) fn nearest_name(&self, name: &str) -> Option<String> {
        if self.quiet > 0 {
            return None;
        }
        let mut search = Search::new(name);
        for table in [self.cx.row, self.cx.right].into_iter().flatten() {
            for &column in self.all_columns(table).iter() {
                search.offer(self.names.text(self.column(column).name));
            }
        }
        self.offer_variables(&mut search);
        if self.cx.row.is_none() {
            self.schema.table_names().into_iter().for_each(|table| search.offer(table));
        }
        search.best()
    }

    /// A column of one table that `name` was probably meant to be.
    pub(super) fn nearest_in(&self, table: TableId, name: &str) -> Option<String> {
        if self.quiet > 0 {
            return None;
        }
        let mut search = Search::new(name);
        for &column in self.all_columns(table).iter() {
            search.offer(self.names.text(self.column(column).name));
        }
        search.best()
    }

    /// A table that `name` was probably meant to be.
    pub(super) fn nearest_table(&self, name: &str) -> Option<String> {
        if self.quiet > 0 {
            return None;
        }
        let mut search = Search::new(name);
        self.offer_variables(&mut search);
        self.schema.table_names().into_iter().for_each(|table| search.offer(table));
        self.schema.function_names().into_iter().for_each(|function| search.offer(function));
        search.best()
    }

    /// A function that `name` was probably meant to be.
    pub(super) fn nearest_function(&self, name: &str, plugin: bool) -> Option<String> {
        if self.quiet > 0 {
            return None;
        }
        let mut search = Search::new(name);
        if plugin {
            names(BuiltinKind::Plugin).for_each(|known| search.offer(known));
        } else {
            names(BuiltinKind::Scalar).for_each(|known| search.offer(known));
            names(BuiltinKind::Aggregate).for_each(|known| search.offer(known));
            self.schema.function_names().into_iter().for_each(|known| search.offer(known));
            self.offer_variables(&mut search);
        }
        search.best()
    }

    fn offer_variables(&self, search: &mut Search<'_>) {
        let mut at = self.scope_head;
        while let Some(binding) = at.and_then(|index| self.bindings.get(index as usize)) {
            if matches!(binding.sym, Sym::Variable(_) | Sym::User(_) | Sym::Column(_)) {
                search.offer(self.names.text(binding.name));
            }
            at = binding.outer;
        }
    }
}

struct Search<'n> {
    wanted: &'n str,
    lower: String,
    letters: u64,
    limit: usize,
    best: Option<(usize, String)>,
}

impl<'n> Search<'n> {
    fn new(wanted: &'n str) -> Self {
        let lower = wanted.to_lowercase();
        // A third of the letters may be wrong, at least one, at most three.
        let limit = (lower.chars().count() / 3).clamp(1, 3);
        let letters = letters(&lower);
        Search { wanted, lower, letters, limit, best: None }
    }

    fn offer(&mut self, candidate: &str) {
        if candidate == self.wanted || candidate.len().abs_diff(self.wanted.len()) > self.limit {
            return;
        }
        // One edit changes the set of letters by two at most: most candidates are far off at a glance.
        if (letters(candidate) ^ self.letters).count_ones() as usize > 2 * self.limit {
            return;
        }
        let bound = self.best.as_ref().map_or(self.limit, |(distance, _)| distance.saturating_sub(1));
        let candidate_lower = candidate.to_lowercase();
        if let Some(distance) = distance(&self.lower, &candidate_lower, bound)
            && self.best.as_ref().is_none_or(|(known, _)| distance < *known)
        {
            self.best = Some((distance, candidate.to_owned()));
        }
    }

    fn best(self) -> Option<String> {
        self.best.map(|(_, name)| name)
    }
}

/// The letters and digits of a name as a set, whatever their case.
fn letters(text: &str) -> u64 {
    text.bytes().fold(0, |set, byte| {
        let bit = match byte {
            b'a'..=b'z' => byte - b'a',
            b'A'..=b'Z' => byte - b'A',
            b'0'..=b'9' => 26 + byte - b'0',
            _ => 36,
        };
        set | 1 << bit
    })
}

/// Edit distance with swaps of neighbours, `None` if above `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let at = |list: &[usize], index: usize| list.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (at(&previous, j) + usize::from(ca != cb)).min(at(&previous, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        if row.iter().min().is_some_and(|&least| least > limit) {
            return None;
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous.last().copied().filter(|&distance| distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(wanted: &str, known: &[&str]) -> Option<String> {
        let mut search = Search::new(wanted);
        known.iter().for_each(|name| search.offer(name));
        search.best()
    }

    #[test]
    fn the_nearest_name_within_reason() {
        let known = ["TimeGenerated", "Computer", "Account"];
        assert_eq!(nearest("TimeGeneratd", &known).as_deref(), Some("TimeGenerated"));
        assert_eq!(nearest("timegenerated", &known).as_deref(), Some("TimeGenerated"));
        assert_eq!(nearest("Acocunt", &known).as_deref(), Some("Account"));
        assert_eq!(nearest("EventID", &known), None);
    }
}
