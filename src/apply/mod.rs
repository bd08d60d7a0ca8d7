//! Carrying out a plan: `(Plan, providers) -> Outcome`. The only writer of the network.
//!
//! It decides nothing. Each change is done exactly if its precondition still holds; if the rule already is as the change
//! would make it, it is skipped, so the same plan can be run again after a failure; otherwise it is stale. Creates and
//! updates come first, deletes last. Start with [`apply`].

use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;

use crate::diff::{FieldChange, canonical, compare};
use crate::plan::{Action, Change, Plan};
use crate::provider::{ErrorKind, Provider, ProviderError, Write};
use crate::resource::{Live, Marker, digest};

/// One target with what was last read there.
pub struct Bound<'a> {
    /// Where to write.
    pub provider: &'a dyn Provider,
    /// What was there when it was listed.
    pub live: &'a [Live],
}

/// How to carry it out.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many changes are under way at once.
    pub parallelism: usize,
}

/// Something that happened, for progress.
#[derive(Debug)]
pub enum Event<'a> {
    /// A change begins.
    Started(&'a Change),
    /// A change ended.
    Finished(&'a Change, &'a ChangeResult),
}

/// How a change ended.
#[derive(Debug)]
pub enum ChangeResult {
    /// Done.
    Applied,
    /// The rule already was as the change makes it.
    AlreadyDone,
    /// Written, but the service keeps something else than it was sent.
    Deviates(Vec<FieldChange>),
    /// The rule is no longer what the plan saw; nothing was written.
    Stale,
    /// The service refused, or the way to it failed.
    Failed(ProviderError),
    /// Not begun: stopped by the user or by an earlier failure that concerns all.
    NotAttempted,
}

/// Everything that happened, in the plan's order.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Address of each effective change and how it ended.
    pub results: Vec<(String, Action, ChangeResult)>,
}

impl Outcome {
    /// How many ended in a way that `is` recognises.
    #[must_use]
    pub fn count(&self, is: impl Fn(&ChangeResult) -> bool) -> usize {
        self.results.iter().filter(|(_, _, result)| is(result)).count()
    }
}

/// Carries out every effective change of `plan`. `stop` set to true lets changes under way finish and begins no other.
pub async fn apply(
    plan: &Plan,
    bound: &[Bound<'_>],
    settings: Settings,
    stop: &AtomicBool,
    on_event: &(dyn Fn(Event<'_>) + Sync),
) -> Outcome {
    let (deletes, writes): (Vec<&Change>, Vec<&Change>) =
        plan.effective().partition(|change| change.actions == [Action::Delete]);
    let mut outcome = Outcome::default();
    for batch in [writes, deletes] {
        let work = batch.into_iter().map(|change| async move {
            let result = if stop.load(Ordering::SeqCst) {
                ChangeResult::NotAttempted
            } else {
                on_event(Event::Started(change));
                one(plan, change, bound).await
            };
            if concerns_all(&result) {
                stop.store(true, Ordering::SeqCst);
            }
            on_event(Event::Finished(change, &result));
            let action = change.actions.first().copied().unwrap_or(Action::Update);
            (change.address.clone(), action, result)
        });
        let mut done = futures::stream::iter(work).buffer_unordered(settings.parallelism.max(1));
        while let Some(result) = done.next().await {
            outcome.results.push(result);
        }
    }
    let order = |address: &str| plan.changes.iter().position(|change| change.address == address);
    outcome.results.sort_by_cached_key(|(address, _, _)| order(address));
    outcome
}

/// A credential that is refused once is refused for every rule.
fn concerns_all(result: &ChangeResult) -> bool {
    matches!(result, ChangeResult::Failed(error)
        if matches!(error.kind, ErrorKind::Unauthenticated | ErrorKind::WrongTenant))
}

async fn one(plan: &Plan, change: &Change, bound: &[Bound<'_>]) -> ChangeResult {
    let target_of = |address: &str| address.rsplit_once(':').map(|(target, _)| target.to_owned());
    let Some(bound) = bound
        .iter()
        .find(|bound| target_of(&change.address).as_deref() == Some(&bound.provider.target().to_string()))
    else {
        return ChangeResult::Stale;
    };
    let live =
        bound.live.iter().find(|live| live.remote_id.eq_ignore_ascii_case(&change.precondition.remote_id));
    let digest_of =
        |live: &Live| digest(&live.kind, &canonical(bound.provider.schema(), &live.kind, &live.body));
    let now = live.map(digest_of);
    if now != change.precondition.live_digest {
        return if now == change.after_digest { ChangeResult::AlreadyDone } else { ChangeResult::Stale };
    }
    let Some(content) = &change.write else {
        return match live {
            Some(live) => finish(bound.provider.delete(live).await),
            None => ChangeResult::AlreadyDone,
        };
    };
    let write = Write {
        remote_id: content.remote_id.clone(),
        kind: change.kind.clone(),
        body: content.body.clone(),
        marker: Marker {
            owner: plan.owner.clone(),
            rule: change.rule.clone(),
            digest: change.after_digest.iter().flat_map(|d| d.chars()).take(Marker::DIGEST_LENGTH).collect(),
            protect: content.protect,
        },
    };
    let written = match live {
        None => match bound.provider.create(&write).await {
            Err(error) if error.kind == ErrorKind::Ambiguous => settle(bound.provider, &write, error).await,
            other => other,
        },
        Some(live) => bound.provider.update(&write, live).await,
    };
    match written {
        Ok(live) => compare_read_back(bound.provider, &write, &live),
        Err(error) => ChangeResult::Failed(error),
    }
}

/// After an answer that was lost: the rule is there with our marker, or the create failed. Never a second create.
async fn settle(provider: &dyn Provider, write: &Write, error: ProviderError) -> Result<Live, ProviderError> {
    match provider.read(&write.remote_id).await {
        Ok(Some(live)) if live.marker.as_ref() == Some(&write.marker) => Ok(live),
        _ => Err(error),
    }
}

fn finish(result: Result<(), ProviderError>) -> ChangeResult {
    match result {
        Ok(()) => ChangeResult::Applied,
        Err(error) => ChangeResult::Failed(error),
    }
}

fn compare_read_back(provider: &dyn Provider, write: &Write, live: &Live) -> ChangeResult {
    let kept = canonical(provider.schema(), &live.kind, &live.body);
    let differences = compare(&write.body, &kept);
    if differences.is_empty() { ChangeResult::Applied } else { ChangeResult::Deviates(differences) }
}
