//! One change: look whether it still is to be made, write it down, make it, write down how that ended.

use super::journal::{Ending, Entry, Operation};
use super::outcome::{ChangeResult, Event};
use super::settle::Next;
use super::{Bound, Run};
use crate::diff::{FieldChange, canonical, compare};
use crate::plan::{Action, Change, SHAPE, WriteContent};
use crate::provider::{ErrorKind, ProviderError, Write};
use crate::resource::{Live, Marker, digest};

/// What is to become of one rule of the platform.
pub(super) struct Wanted<'a> {
    pub(super) change: &'a Change,
    pub(super) remote_id: &'a str,
    /// Digest and owner that the live rule must have; no digest: it must not be there.
    before: Option<&'a str>,
    owner: Option<&'a str>,
    /// What is written; `None`: it is deleted.
    pub(super) write: Option<Write>,
}

/// Where a live rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// As the plan saw it.
    ToDo,
    /// As the plan makes it.
    Done,
    /// Neither.
    Other,
}

impl Run<'_> {
    /// Makes one change.
    pub(super) async fn step(&self, change: &Change, request_ids: &mut Vec<String>) -> ChangeResult {
        let Some(bound) = self.bound_of(change) else { return ChangeResult::Stale };
        let Some(content) = &change.write else {
            return self.bring_about(bound, &self.deleted(change), request_ids).await;
        };
        if !change.is_replacement() {
            return self.bring_about(bound, &self.written(change, content), request_ids).await;
        }
        self.replace(bound, change, content, request_ids).await
    }

    /// The new rule first, then the old one goes: there is no moment without either.
    async fn replace(
        &self,
        bound: &Bound<'_>,
        change: &Change,
        content: &WriteContent,
        request_ids: &mut Vec<String>,
    ) -> ChangeResult {
        let (new, old) = (self.written(change, content), self.deleted(change));
        let old_stands = match self.look(bound, &old).await {
            Ok((standing, _)) => standing,
            Err(error) => return not_seen(error),
        };
        let new_stands = match self.look(bound, &new).await {
            Ok((standing, _)) => standing,
            Err(error) => return not_seen(error),
        };
        match (old_stands, new_stands) {
            (Standing::Done, Standing::Done) => return ChangeResult::AlreadyDone,
            (Standing::ToDo, Standing::ToDo | Standing::Done) => {}
            // Somebody changed the old rule, or deleted it before the new one stood, or took the new one's id.
            _ => return ChangeResult::Stale,
        }
        match self.bring_about(bound, &new, request_ids).await {
            ChangeResult::Applied | ChangeResult::AlreadyDone => {}
            other => return other,
        }
        match self.bring_about(bound, &old, request_ids).await {
            ChangeResult::AlreadyDone => ChangeResult::Applied,
            // The new rule stands beside the old one.
            ChangeResult::NotAttempted => ChangeResult::Interrupted,
            other => other,
        }
    }

    /// Makes a rule what is wanted, whatever the answers say on the way.
    async fn bring_about(
        &self,
        bound: &Bound<'_>,
        wanted: &Wanted<'_>,
        request_ids: &mut Vec<String>,
    ) -> ChangeResult {
        let (mut standing, mut live) = match self.look(bound, wanted).await {
            Ok(found) => found,
            Err(error) => return not_seen(error),
        };
        let mut so_far = super::settle::SoFar::default();
        loop {
            match standing {
                Standing::Done if so_far.tries == 0 => return ChangeResult::AlreadyDone,
                Standing::Done => return ChangeResult::Applied,
                Standing::Other => return ChangeResult::Stale,
                Standing::ToDo => {}
            }
            so_far.tries += 1;
            let operation = wanted.operation(live.as_ref());
            if !self.record(&wanted.intent(operation)) {
                return ChangeResult::NotAttempted;
            }
            let error = match self.send(bound, wanted, live.as_ref()).await {
                Ok((kept, request_id)) => {
                    request_ids.extend(request_id.clone());
                    self.record(&wanted.done(operation, Ending::Written, None, request_id));
                    return self.as_sent(bound, wanted, kept.as_ref());
                }
                Err(error) => error,
            };
            match self.settle(bound, wanted, operation, error, &mut so_far).await {
                Next::Again(now_standing, now) => (standing, live) = (now_standing, now.map(|now| *now)),
                Next::Ended(result) => return result,
            }
        }
    }

    async fn send(
        &self,
        bound: &Bound<'_>,
        wanted: &Wanted<'_>,
        live: Option<&Live>,
    ) -> Result<(Option<Live>, Option<String>), ProviderError> {
        match (&wanted.write, live) {
            (Some(write), Some(live)) if wanted.change.actions == [Action::Adopt] => {
                // As the service has it, to the letter: nothing but the marker may change.
                let write = Write { body: live.body.clone(), ..write.clone() };
                bound.provider.update(&write, live).await.map(with_request_id)
            }
            (Some(write), None) => bound.provider.create(write).await.map(with_request_id),
            (Some(write), Some(live)) => bound.provider.update(write, live).await.map(with_request_id),
            (None, Some(live)) => bound.provider.delete(live).await.map(|request_id| (None, request_id)),
            (None, None) => Ok((None, None)),
        }
    }

    pub(super) fn as_sent(
        &self,
        bound: &Bound<'_>,
        wanted: &Wanted<'_>,
        kept: Option<&Live>,
    ) -> ChangeResult {
        let (Some(write), Some(kept)) = (&wanted.write, kept) else { return ChangeResult::Applied };
        let kept_body = canonical(bound.provider.schema(), &kept.kind, &kept.body);
        let mut differences = compare(&write.body, &kept_body);
        if kept.server.legacy {
            differences.extend(wanted.change.fields.iter().filter(|field| field.path == SHAPE).map(
                |field| FieldChange {
                    path: field.path.clone(),
                    before: field.after.clone(),
                    after: field.before.clone(),
                },
            ));
        }
        if differences.is_empty() { ChangeResult::Applied } else { ChangeResult::Deviates(differences) }
    }

    /// Where the rule stands. The list that the run began with is believed only when it says that there is something to
    /// do to a rule that it shows: lists lag, and minutes have passed.
    async fn look(
        &self,
        bound: &Bound<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<(Standing, Option<Live>), ProviderError> {
        if let Some(live) = bound.find(wanted.remote_id)
            && self.standing(bound, wanted, Some(live)) == Standing::ToDo
        {
            return Ok((Standing::ToDo, Some(live.clone())));
        }
        let live = bound.provider.read(wanted.remote_id).await?;
        Ok((self.standing(bound, wanted, live.as_ref()), live))
    }

    /// Compares a live rule with what the plan saw and with what it wants.
    pub(super) fn standing(&self, bound: &Bound<'_>, wanted: &Wanted<'_>, live: Option<&Live>) -> Standing {
        let Some(live) = live else {
            return match (&wanted.write, wanted.before) {
                (None, _) => Standing::Done,
                (Some(_), None) => Standing::ToDo,
                (Some(_), Some(_)) => Standing::Other,
            };
        };
        let now = digest(&live.kind, &canonical(bound.provider.schema(), &live.kind, &live.body));
        let before = wanted.before == Some(&now);
        let owner = live.marker.as_ref().map(|marker| marker.owner.as_str());
        let has_marker = live.kind.marker_carrier().is_some();
        if let Some(write) = &wanted.write {
            let after = wanted.change.after_digest.as_deref() == Some(&now);
            // Adopting and protecting change the marker only.
            let marked = live.marker.as_ref() == Some(&write.marker);
            let ours = owner == Some(&self.plan.owner) && !before;
            let rewritten = !(wanted.change.rewrites_shape() && live.server.legacy);
            if after && rewritten && (marked || ours || !has_marker) {
                return Standing::Done;
            }
        }
        if before && (owner == wanted.owner || !has_marker) { Standing::ToDo } else { Standing::Other }
    }

    fn written<'c>(&self, change: &'c Change, content: &'c WriteContent) -> Wanted<'c> {
        let digest = change.after_digest.iter().flat_map(|digest| digest.chars());
        let write = Write {
            remote_id: content.remote_id.clone(),
            kind: change.kind.clone(),
            body: content.body.clone(),
            marker: Marker {
                owner: self.plan.owner.clone(),
                rule: change.rule.clone(),
                digest: digest.take(Marker::DIGEST_LENGTH).collect(),
                protect: content.protect,
            },
        };
        let precondition = (!change.is_replacement()).then_some(&change.precondition);
        Wanted {
            change,
            remote_id: &content.remote_id,
            before: precondition.and_then(|precondition| precondition.live_digest.as_deref()),
            owner: precondition.and_then(|precondition| precondition.live_owner.as_deref()),
            write: Some(write),
        }
    }

    #[expect(clippy::unused_self, reason = "it stands beside its sibling, which needs the plan")]
    fn deleted<'c>(&self, change: &'c Change) -> Wanted<'c> {
        Wanted {
            change,
            remote_id: &change.precondition.remote_id,
            before: change.precondition.live_digest.as_deref(),
            owner: change.precondition.live_owner.as_deref(),
            write: None,
        }
    }

    /// Says that a change waits, and waits.
    pub(super) async fn hold(&self, change: &Change, why: &'static str, milliseconds: u64) -> bool {
        self.edge.tell(&Event::Waiting(change, why, milliseconds));
        self.pause(milliseconds).await
    }
}

impl Wanted<'_> {
    pub(super) const fn operation(&self, live: Option<&Live>) -> Operation {
        match (&self.write, live) {
            (None, _) => Operation::Delete,
            (Some(_), None) => Operation::Create,
            (Some(_), Some(_)) => Operation::Update,
        }
    }

    fn intent(&self, operation: Operation) -> Entry {
        Entry::Intent {
            address: self.change.address.clone(),
            operation,
            remote_id: self.remote_id.to_owned(),
            before: self.before.map(str::to_owned),
            after: self.write.as_ref().and_then(|_| self.change.after_digest.clone()),
        }
    }

    pub(super) fn done(
        &self,
        operation: Operation,
        ending: Ending,
        message: Option<String>,
        request_id: Option<String>,
    ) -> Entry {
        Entry::Done {
            address: self.change.address.clone(),
            operation,
            remote_id: self.remote_id.to_owned(),
            ending,
            message,
            request_id,
        }
    }
}

/// The rule could not even be looked at.
fn not_seen(error: ProviderError) -> ChangeResult {
    match error.kind {
        ErrorKind::Stopped => ChangeResult::NotAttempted,
        _ => ChangeResult::Failed(error),
    }
}

fn with_request_id(live: Live) -> (Option<Live>, Option<String>) {
    let request_id = live.server.request_id.clone();
    (Some(live), request_id)
}
