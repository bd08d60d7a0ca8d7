//! Carrying out a plan: `(Plan, providers) -> Outcome`. The only writer of the network.
//!
//! It decides nothing. Each change is made exactly if its precondition still holds; if the rule already is as the change
//! would make it, nothing is sent, so the same plan can be run again after a failure; otherwise it is stale. Every write
//! stands in the journal before it is sent and after it ended, and is read back when all are done. Where an answer leaves
//! open what happened, the rule itself is asked, and a rule that somebody else changed is never overwritten.
//!
//! Read [`apply`] (order, stopping), then `step` (one change), `settle` (answers that say no, or nothing), `confirm`
//! (reading back). [`Edge`] is everything of the world that is not a provider.

mod confirm;
mod journal;
#[cfg(test)]
mod machine_tests;
mod outcome;
mod settle;
mod step;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::StreamExt as _;
use tokio::sync::watch;

use crate::plan::{Change, Plan};
use crate::provider::{ErrorKind, Provider};
use crate::resource::{Kind, Live};

pub use journal::{Edge, Ending, Entry, Operation};
pub use outcome::{ChangeResult, Ended, Event, List, Outcome};

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
    /// Begin nothing more after the first change that fails.
    pub fail_fast: bool,
    /// How long one change waits, in milliseconds, for an id or a name that the service still holds after a deletion.
    pub hold: u64,
    /// How long reads may lag behind writes, in milliseconds, before a rule counts as unseen.
    pub lag: u64,
}

impl Default for Settings {
    /// Four at once; two minutes for held names (CONTRACT A.5: early reports say 30–60 s); half a minute of lag.
    fn default() -> Self {
        Self { parallelism: 4, fail_fast: false, hold: 120_000, lag: 30_000 }
    }
}

/// How urgently to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Go on.
    #[default]
    None,
    /// Begin nothing more; what is under way ends.
    Finish,
    /// Stop at once, whatever is under way.
    Now,
}

/// A run: what every change needs.
struct Run<'a> {
    plan: &'a Plan,
    bound: &'a [Bound<'a>],
    settings: Settings,
    stop: &'a watch::Receiver<Urgency>,
    edge: &'a dyn Edge,
    /// Nothing more is begun, by our own decision.
    halted: AtomicBool,
    unrecorded: Mutex<Option<String>>,
}

/// Carries out every effective change of `plan`, in phases: watchlists, because rules refer to them; creates and updates;
/// those of rules with response actions; deletes; what needs a name that only a deletion sets free; and last deletes of
/// watchlists. So nothing is taken away before what replaces it stands, and nothing acts on devices before the rest went
/// well. A rule whose watchlist did not come about is not begun.
///
/// # Errors
/// When not even the beginning could be recorded; nothing was done then.
pub async fn apply(
    plan: &Plan,
    bound: &[Bound<'_>],
    settings: Settings,
    stop: &watch::Receiver<Urgency>,
    edge: &dyn Edge,
) -> Result<Outcome, String> {
    let run = Run {
        plan,
        bound,
        settings,
        stop,
        edge,
        halted: AtomicBool::new(false),
        unrecorded: Mutex::new(None),
    };
    let changes: Vec<&Change> = plan.effective().collect();
    edge.record(&Entry::Begin {
        plan: plan.digest.clone(),
        environment: plan.environment.clone(),
        tenant_id: plan.tenant_id.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        changes: changes.len(),
    })?;
    let mut results: Vec<Ended> = changes.iter().map(|change| not_begun(change)).collect();
    let freed = run.names_set_free(&changes);
    for phase in 0..=LAST_PHASE {
        let missing: Vec<&str> = watchlists_not_there(&changes, &results);
        let of_phase = changes.iter().enumerate().filter(|(_, change)| run.phase(change, &freed) == phase);
        let of_phase = of_phase.filter(|(_, change)| !missing.iter().any(|list| change.uses_watchlist(list)));
        run.carry_out(of_phase.map(|(at, change)| (at, *change)).collect(), &mut results).await;
    }
    if run.urgency() < Urgency::Now {
        run.confirm(&changes, &mut results).await;
    }
    let stopped = run.urgency() > Urgency::None;
    let unrecorded = run.unrecorded.into_inner().unwrap_or_else(PoisonError::into_inner);
    let outcome = Outcome { results, unrecorded, stopped };
    let count = |list| outcome.on(list).count();
    // The run is over either way; a missing last line says no more than a cut-off run does.
    let _ = edge.record(&Entry::End {
        applied: count(List::Applied),
        failed: count(List::Failed),
        not_attempted: count(List::NotAttempted),
    });
    Ok(outcome)
}

const LAST_PHASE: u8 = 5;

/// Watchlists that should have been written and are not, or not as they should be.
fn watchlists_not_there<'c>(changes: &[&'c Change], results: &[Ended]) -> Vec<&'c str> {
    let writes = changes
        .iter()
        .zip(results)
        .filter(|(change, _)| change.kind == Kind::Watchlist && change.write.is_some());
    let missing = writes.filter(|(_, ended)| ended.result.list() != List::Applied);
    missing.map(|(change, _)| change.address.as_str()).collect()
}

impl Run<'_> {
    fn urgency(&self) -> Urgency {
        *self.stop.borrow()
    }

    fn stopping(&self) -> bool {
        self.urgency() > Urgency::None || self.halted.load(Ordering::SeqCst)
    }

    fn phase(&self, change: &Change, freed: &BTreeSet<String>) -> u8 {
        match (&change.write, change.kind == Kind::Watchlist) {
            (Some(_), true) => 0,
            (None, true) => LAST_PHASE,
            (None, false) => 3,
            (Some(content), _) if names(&content.body).any(|name| freed.contains(name)) => 4,
            (Some(_), _) if change.has_response_actions() => 2,
            (Some(_), _) => 1,
        }
    }

    /// Display names and alert titles of rules that the plan deletes: Graph lets no other rule have them until then.
    fn names_set_free(&self, changes: &[&Change]) -> BTreeSet<String> {
        let deleted = changes.iter().filter(|change| change.is_deletion());
        let live = deleted.filter_map(|change| self.bound_of(change)?.find(&change.precondition.remote_id));
        live.flat_map(|live| names(&live.body).map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    async fn carry_out(&self, changes: Vec<(usize, &Change)>, results: &mut [Ended]) {
        let begun: Mutex<BTreeSet<usize>> = Mutex::default();
        let begun = &begun;
        let work = changes.into_iter().map(|(at, change)| async move {
            let mut ended = not_begun(change);
            if !self.stopping() {
                lock(begun).insert(at);
                self.edge.tell(&Event::Started(change));
                ended.result = self.step(change, &mut ended.request_ids).await;
                if self.ends_the_run(&ended.result) {
                    self.halted.store(true, Ordering::SeqCst);
                }
            }
            self.edge.tell(&Event::Finished(change, &ended.result));
            (at, ended)
        });
        let mut done = futures::stream::iter(work).buffer_unordered(self.settings.parallelism.max(1));
        let mut stop = self.stop.clone();
        let at_once = async move {
            if stop.wait_for(|urgency| *urgency == Urgency::Now).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::pin!(at_once);
        loop {
            let next = tokio::select! {
                biased;
                () = &mut at_once => break,
                next = done.next() => next,
            };
            let Some((at, ended)) = next else { return };
            lock(begun).remove(&at);
            if let Some(place) = results.get_mut(at) {
                *place = ended;
            }
        }
        drop(done);
        for at in lock(begun).iter() {
            if let Some(place) = results.get_mut(*at) {
                place.result = ChangeResult::Interrupted;
            }
        }
    }

    /// A credential that is refused once is refused for every rule.
    fn ends_the_run(&self, result: &ChangeResult) -> bool {
        let refused = matches!(result, ChangeResult::Failed(error) | ChangeResult::Unknown(error)
            if matches!(error.kind, ErrorKind::Unauthenticated | ErrorKind::WrongTenant));
        refused || (self.settings.fail_fast && result.list() == List::Failed)
    }

    fn bound_of(&self, change: &Change) -> Option<&Bound<'_>> {
        let (target, _) = change.address.rsplit_once(':')?;
        self.bound.iter().find(|bound| bound.provider.target().to_string() == target)
    }

    /// Waits, unless the run is to end; whether it waited.
    async fn pause(&self, milliseconds: u64) -> bool {
        if self.urgency() > Urgency::None {
            return false;
        }
        let mut stop = self.stop.clone();
        let asked = async move {
            if stop.wait_for(|urgency| *urgency > Urgency::None).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = asked => false,
            () = self.edge.wait(milliseconds) => true,
        }
    }

    /// Whether the entry is on disk. If not, nothing more is begun.
    fn record(&self, entry: &Entry) -> bool {
        match self.edge.record(entry) {
            Ok(()) => true,
            Err(why) => {
                lock(&self.unrecorded).get_or_insert(why);
                self.halted.store(true, Ordering::SeqCst);
                false
            }
        }
    }
}

impl Bound<'_> {
    fn find(&self, remote_id: &str) -> Option<&Live> {
        self.live.iter().find(|live| live.remote_id.eq_ignore_ascii_case(remote_id))
    }
}

fn not_begun(change: &Change) -> Ended {
    Ended {
        address: change.address.clone(),
        actions: change.actions.clone(),
        result: ChangeResult::NotAttempted,
        request_ids: Vec::new(),
    }
}

/// What has to be unique in a tenant besides the id (CONTRACT A.5): the name and the alert's title of custom detections.
fn names(body: &crate::resource::Body) -> impl Iterator<Item = &str> {
    let action = body.get("detectionAction");
    let title = action.and_then(|action| action.pointer("/alertTemplate/title")?.as_str());
    let name = action.and_then(|_| body.get("displayName")?.as_str());
    name.into_iter().chain(title)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
