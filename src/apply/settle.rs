//! After an answer that says no, or nothing: what happened, and what follows.
//!
//! Services are known to refuse what they did (CONTRACT A.5, "Errors that lie"), to lose answers, to report conflicts
//! where there are none (B.4), and to hold ids and names of deleted rules for a while (A.5, B.5). So the rule itself is
//! asked. It either is as wanted (it happened), as before (it did not; maybe it can be tried again), or something else
//! (somebody else's, and left alone).

use super::journal::{Ending, Operation};
use super::outcome::ChangeResult;
use super::step::{Standing, Wanted};
use super::{Bound, Run, names};
use crate::provider::{ErrorKind, ProviderError, Write};
use crate::resource::{Kind, Live};

/// How often a write is repeated when nothing but the answer was wrong.
const TRIES: u32 = 3;
/// First wait for something that is held or lags; it doubles up to [`LONGEST_WAIT`]. In milliseconds.
const FIRST_WAIT: u64 = 1_000;
const LONGEST_WAIT: u64 = 30_000;
/// Reads before a create whose answer was lost counts as not done.
const LOOKS: u32 = 3;

/// What a change has been through.
#[derive(Debug, Default)]
pub(super) struct SoFar {
    pub(super) tries: u32,
    waited: u64,
}

/// What follows.
pub(super) enum Next {
    /// The rule is like this now: decide anew.
    Again(Standing, Option<Box<Live>>),
    /// It is over.
    Ended(ChangeResult),
}

impl Run<'_> {
    pub(super) async fn settle(
        &self,
        bound: &Bound<'_>,
        wanted: &Wanted<'_>,
        operation: Operation,
        error: ProviderError,
        so_far: &mut SoFar,
    ) -> Next {
        let note =
            |ending| wanted.done(operation, ending, Some(error.message.clone()), error.request_id.clone());
        if error.kind == ErrorKind::Stopped {
            self.record(&note(Ending::NotWritten));
            return Next::Ended(ChangeResult::NotAttempted);
        }
        if error.kind == ErrorKind::Partly {
            self.record(&note(Ending::Unknown));
            return Next::Ended(ChangeResult::Failed(error));
        }
        if certainly_refused(error.kind) {
            self.record(&note(Ending::NotWritten));
            return Next::Ended(ChangeResult::Failed(error));
        }
        let (standing, now) = match self.ask(bound, wanted, operation, &error).await {
            Ok(found) => found,
            Err(_) => {
                self.record(&note(Ending::Unknown));
                return Next::Ended(ChangeResult::Unknown(error));
            }
        };
        // Our own write: not all of it is there yet, or the service keeps it differently.
        let ours =
            |write: &Write| now.as_ref().is_some_and(|live| live.marker.as_ref() == Some(&write.marker));
        if standing == Standing::Other
            && operation == Operation::Create
            && wanted.write.as_ref().is_some_and(ours)
        {
            if wanted.change.kind == Kind::Watchlist {
                self.record(&note(Ending::Unknown));
                return Next::Ended(ChangeResult::Unknown(error));
            }
            self.record(&note(Ending::Written));
            return Next::Ended(self.as_sent(bound, wanted, now.as_ref()));
        }
        self.record(&note(match standing {
            Standing::Done => Ending::Written,
            Standing::ToDo => Ending::NotWritten,
            Standing::Other => Ending::SomeoneElse,
        }));
        if standing == Standing::Other && operation == Operation::Create {
            return Next::Ended(ChangeResult::Failed(taken(error, now.as_ref())));
        }
        if standing != Standing::ToDo {
            return Next::Again(standing, now.map(Box::new));
        }
        match (operation, error.kind) {
            (Operation::Create, ErrorKind::RecentlyDeleted) => {
                self.wait_for_release(wanted, "the service still holds the id", error, so_far).await
            }
            (Operation::Create, ErrorKind::Conflict) => match self.holder(bound, wanted).await {
                Some(holder) => Next::Ended(ChangeResult::Failed(name_taken(error, &holder))),
                None => {
                    self.wait_for_release(wanted, "the service still holds the name", error, so_far).await
                }
            },
            // Content and owner are as the plan saw them: a conflict of the service's own making, or only its etag moved.
            (_, ErrorKind::Conflict) | (Operation::Create, ErrorKind::Ambiguous | ErrorKind::Protocol)
                if so_far.tries < TRIES && !self.stopping() =>
            {
                Next::Again(standing, now.map(Box::new))
            }
            _ => Next::Ended(ChangeResult::Failed(error)),
        }
    }

    /// Reads the rule. One that an unanswered create may have made is looked for more than once, because reads lag.
    async fn ask(
        &self,
        bound: &Bound<'_>,
        wanted: &Wanted<'_>,
        operation: Operation,
        error: &ProviderError,
    ) -> Result<(Standing, Option<Live>), ProviderError> {
        let unanswered =
            matches!(error.kind, ErrorKind::Ambiguous | ErrorKind::Unavailable | ErrorKind::Protocol);
        let (mut looks, mut wait) = (1, FIRST_WAIT / 2);
        loop {
            let live = bound.provider.read(wanted.remote_id).await?;
            let standing = self.standing(bound, wanted, live.as_ref());
            let open = operation == Operation::Create && standing == Standing::ToDo && unanswered;
            if !open || looks >= LOOKS || !self.hold(wanted.change, "the answer was lost", wait).await {
                return Ok((standing, live));
            }
            looks += 1;
            wait *= 2;
        }
    }

    async fn wait_for_release(
        &self,
        wanted: &Wanted<'_>,
        why: &'static str,
        error: ProviderError,
        so_far: &mut SoFar,
    ) -> Next {
        let doubled = FIRST_WAIT.saturating_mul(1 << so_far.tries.saturating_sub(1).min(10));
        let left = self.settings.hold.saturating_sub(so_far.waited);
        let wait = doubled.min(LONGEST_WAIT).min(left);
        if wait == 0 || !self.hold(wanted.change, why, wait).await {
            return Next::Ended(ChangeResult::Failed(held(error, &wanted.change.rule)));
        }
        so_far.waited += wait;
        // Nothing is there under this id; the next create finds out whether it is free.
        Next::Again(Standing::ToDo, None)
    }

    /// Another rule that has the name or the title, and that this plan does not delete.
    async fn holder(&self, bound: &Bound<'_>, wanted: &Wanted<'_>) -> Option<String> {
        let wanted_names: Vec<&str> = wanted.write.iter().flat_map(|write| names(&write.body)).collect();
        let live = bound.provider.list().await.ok()?;
        let deleted = |id: &str| {
            let deletions = self.plan.effective().filter(|change| change.is_deletion());
            deletions.map(|change| &change.precondition.remote_id).any(|gone| gone.eq_ignore_ascii_case(id))
        };
        let others = live.iter().filter(|live| !live.remote_id.eq_ignore_ascii_case(wanted.remote_id));
        let holder = others
            .filter(|live| !deleted(&live.remote_id))
            .find(|live| names(&live.body).any(|name| wanted_names.contains(&name)))?;
        Some(format!("`{}` ({})", holder.name, holder.remote_id))
    }
}

/// Refused before anything was looked at; no need to ask.
const fn certainly_refused(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unauthenticated | ErrorKind::WrongTenant | ErrorKind::Forbidden | ErrorKind::TargetMissing
    )
}

fn taken(error: ProviderError, now: Option<&Live>) -> ProviderError {
    let owner =
        now.and_then(|live| live.marker.as_ref()).map(|marker| format!(" of owner `{}`", marker.owner));
    ProviderError {
        kind: ErrorKind::Conflict,
        help: Some(format!(
            "another rule{} has the id now; it was left alone. Plan again and look at it",
            owner.unwrap_or_default()
        )),
        ..error
    }
}

fn name_taken(error: ProviderError, holder: &str) -> ProviderError {
    let help = format!(
        "its name or alert title belongs to {holder}, which this plan does not touch; rename one of them"
    );
    ProviderError { help: Some(help), ..error }
}

fn held(error: ProviderError, rule: &str) -> ProviderError {
    let help = if error.kind == ErrorKind::RecentlyDeleted {
        format!(
            "the service holds the id of a deleted rule for up to a day: run the same command later, or plan with --replace-id {rule}"
        )
    } else {
        "no visible rule has its name or alert title: the service holds those of a deleted rule, for a minute or for hours. Run the same command later"
            .to_owned()
    };
    ProviderError { help: Some(help), ..error }
}
