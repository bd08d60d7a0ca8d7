//! Rules that refer to watchlists: what becomes of a rule when its list cannot be brought about.

use std::collections::BTreeSet;

use crate::resource::{Kind, WATCHLIST};

use super::build::Builder;
use super::change::Change;

impl Change {
    /// It writes a query that looks into this watchlist: `address` is the list's.
    #[must_use]
    pub fn uses_watchlist(&self, address: &str) -> bool {
        let Some((target, rule)) = self.address.rsplit_once(':') else { return false };
        let Some((of, list)) = address.rsplit_once(':') else { return false };
        let Some(alias) = list.strip_prefix(WATCHLIST).filter(|_| of == target && rule != list) else {
            return false;
        };
        let query = self.write.as_ref().and_then(|write| write.body.get("query")?.as_str());
        // As `compile` writes it; an alias has no character that a literal would escape.
        query.is_some_and(|query| query.contains(&format!("_GetWatchlist(\"{alias}\")")))
    }
}

impl Builder<'_> {
    /// A rule must never rely on a list that is not as its file says: changes of such rules are held back as well.
    pub(super) fn hold_back_dependents(&mut self) {
        let held: BTreeSet<String> = self
            .changes
            .iter()
            .filter(|change| change.kind == Kind::Watchlist && change.blocked.is_some())
            .map(|change| change.address.clone())
            .collect();
        for change in self.changes.iter_mut().filter(|change| change.blocked.is_none()) {
            let Some(list) = held.iter().find(|list| change.uses_watchlist(list)) else { continue };
            change.blocked = Some(format!("its query looks into {list}, which is held back"));
            self.summary.blocked += 1;
            let counted = match change.actions.as_slice() {
                [super::change::Action::Create] => &mut self.summary.create,
                [super::change::Action::Update] => &mut self.summary.update,
                [super::change::Action::Adopt] => &mut self.summary.adopt,
                _ => &mut self.summary.replace,
            };
            *counted = counted.saturating_sub(1);
        }
    }
}
