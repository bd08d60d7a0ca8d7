//! Reading back: after all writes, every rule that was written is compared with what was sent.
//!
//! Reads lag behind writes, so a rule that is not yet as it was written is looked at again for a while. The marker tells
//! lag from loss: a rule that carries the marker of this write and still differs was kept differently by the service.

use futures::StreamExt as _;

use super::outcome::{ChangeResult, Ended, Event};
use super::{Bound, Run, Urgency};
use crate::diff::{FieldChange, canonical, compare};
use crate::plan::Change;
use crate::resource::{Live, Marker};

/// Up to so many rules of a target are read one by one; more are listed.
const FEW: usize = 8;
/// First wait between two looks; it doubles. In milliseconds.
const FIRST_WAIT: u64 = 250;

/// What a look at a rule shows.
enum Seen {
    /// What was written, or nothing where something was deleted.
    AsWritten,
    /// Our write, kept differently.
    Differently(Vec<FieldChange>),
    /// Not our write, not yet.
    NotYet,
}

impl Run<'_> {
    /// Turns what the answers said into what reads show.
    pub(super) async fn confirm(&self, changes: &[&Change], results: &mut [Ended]) {
        let mut open: Vec<usize> = results
            .iter()
            .enumerate()
            .filter(|(_, ended)| matches!(ended.result, ChangeResult::Applied | ChangeResult::Deviates(_)))
            .map(|(at, _)| at)
            .collect();
        if open.is_empty() {
            return;
        }
        self.edge.tell(&Event::ReadingBack(open.len()));
        open = self.look_at_all(changes, results, open).await;
        let (mut wait, mut left) = (FIRST_WAIT, self.settings.lag);
        while !open.is_empty() && left > 0 && self.pause(wait.min(left)).await {
            left -= wait.min(left);
            wait = wait.saturating_mul(2);
            open = self.look_one_by_one(changes, results, open).await;
        }
        // Somebody who stops a run does not wait for reads: what the service's own answer showed has to do.
        for at in open {
            let (Some(ended), Some(change)) = (results.get_mut(at), changes.get(at)) else { continue };
            if change.actions.contains(&crate::plan::Action::Delete) {
                ended.result = ChangeResult::Lingers;
            } else if matches!(ended.result, ChangeResult::Applied) && self.urgency() == Urgency::None {
                ended.result = ChangeResult::Unseen;
            }
        }
    }

    /// One list for each target where much was written.
    async fn look_at_all(&self, changes: &[&Change], results: &mut [Ended], open: Vec<usize>) -> Vec<usize> {
        let mut rest = Vec::new();
        let mut few = Vec::new();
        for bound in self.bound {
            let here = |at: &usize| {
                let of = changes.get(*at).and_then(|change| self.bound_of(change));
                of.is_some_and(|of| of.provider.target() == bound.provider.target())
            };
            let here: Vec<usize> = open.iter().copied().filter(here).collect();
            if here.len() <= FEW {
                few.extend(here);
                continue;
            }
            match bound.provider.list().await {
                Err(_) => few.extend(here),
                Ok(live) => {
                    for at in here {
                        let Some(change) = changes.get(at) else { continue };
                        let find =
                            |id: &str| live.iter().find(|live| live.remote_id.eq_ignore_ascii_case(id));
                        let seen = self.compare(bound, change, find);
                        if !self.note(results, at, seen) {
                            rest.push(at);
                        }
                    }
                }
            }
        }
        rest.extend(self.look_one_by_one(changes, results, few).await);
        rest
    }

    async fn look_one_by_one(
        &self,
        changes: &[&Change],
        results: &mut [Ended],
        open: Vec<usize>,
    ) -> Vec<usize> {
        let looks =
            open.into_iter().filter_map(|at| Some((at, *changes.get(at)?))).map(|(at, change)| async move {
                let seen = match self.bound_of(change) {
                    Some(bound) => self.read_back(bound, change).await,
                    None => Seen::NotYet,
                };
                (at, seen)
            });
        let mut looks = futures::stream::iter(looks).buffer_unordered(self.settings.parallelism.max(1));
        let mut rest = Vec::new();
        while let Some((at, seen)) = looks.next().await {
            if !self.note(results, at, seen) {
                rest.push(at);
            }
        }
        rest
    }

    async fn read_back(&self, bound: &Bound<'_>, change: &Change) -> Seen {
        let mut found = Vec::new();
        let written = change.write.as_ref().map(|content| content.remote_id.as_str());
        let deleted = change.actions.contains(&crate::plan::Action::Delete);
        let deleted = deleted.then_some(change.precondition.remote_id.as_str());
        for id in written.into_iter().chain(deleted) {
            match bound.provider.read(id).await {
                Ok(live) => found.extend(live.map(|live| Live { remote_id: id.to_owned(), ..live })),
                Err(_) => return Seen::NotYet,
            }
        }
        self.compare(bound, change, |id| found.iter().find(|live| live.remote_id == id))
    }

    fn compare<'l>(
        &self,
        bound: &Bound<'_>,
        change: &Change,
        find: impl Fn(&str) -> Option<&'l Live>,
    ) -> Seen {
        let deleted = change.actions.contains(&crate::plan::Action::Delete);
        if deleted && find(&change.precondition.remote_id).is_some() {
            return Seen::NotYet;
        }
        let Some(content) = &change.write else { return Seen::AsWritten };
        let Some(live) = find(&content.remote_id) else { return Seen::NotYet };
        let differences = compare(&content.body, &canonical(bound.provider.schema(), &live.kind, &live.body));
        let digest = |marker: &Marker| {
            change.after_digest.as_ref().is_some_and(|after| after.starts_with(&marker.digest))
        };
        let ours =
            live.marker.as_ref().is_some_and(|marker| marker.owner == self.plan.owner && digest(marker));
        match (differences.is_empty(), ours || live.kind.marker_carrier().is_none()) {
            (true, true) => Seen::AsWritten,
            (false, true) => Seen::Differently(differences),
            (_, false) => Seen::NotYet,
        }
    }

    /// Whether that settles it.
    #[expect(clippy::unused_self, reason = "one of the run's steps")]
    fn note(&self, results: &mut [Ended], at: usize, seen: Seen) -> bool {
        let Some(ended) = results.get_mut(at) else { return true };
        match seen {
            Seen::AsWritten => ended.result = ChangeResult::Applied,
            Seen::Differently(fields) => ended.result = ChangeResult::Deviates(fields),
            Seen::NotYet => return false,
        }
        true
    }
}
