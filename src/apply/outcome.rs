//! How changes end, as values. `render` and `cli` show them; nothing here formats for people.

use crate::diff::FieldChange;
use crate::plan::{Action, Change};
use crate::provider::ProviderError;

/// Something that happened, for progress.
#[derive(Debug)]
pub enum Event<'a> {
    /// A change begins.
    Started(&'a Change),
    /// A change waits for the service: why, and how long until the next try.
    Waiting(&'a Change, &'static str, u64),
    /// A change ended.
    Finished(&'a Change, &'a ChangeResult),
    /// The written rules are read back; so many.
    ReadingBack(usize),
}

/// How a change ended.
#[derive(Debug)]
pub enum ChangeResult {
    /// Done, and read back as it was written.
    Applied,
    /// The rule already was as the change makes it; nothing was written.
    AlreadyDone,
    /// The service accepted the deletion, and for some time still shows the rule.
    Lingers,
    /// Written, but the service keeps something else than it was sent: `before` is what was sent, `after` what is there.
    Deviates(Vec<FieldChange>),
    /// Written and accepted, but reads did not show it in time.
    Unseen,
    /// The rule is no longer what the plan saw; nothing was written.
    Stale,
    /// The service refused, or the way to it failed; nothing was written, as far as can be told.
    Failed(ProviderError),
    /// The answer was lost, and whether the write happened could not be found out.
    Unknown(ProviderError),
    /// Under way when everything was stopped at once: it may have happened.
    Interrupted,
    /// Not begun: stopped by the user, by an earlier failure, or because nothing could be written to the journal.
    NotAttempted,
}

/// The three lists that every run ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The rule is as the plan makes it.
    Applied,
    /// It is not, or nobody knows.
    Failed,
    /// It was not tried.
    NotAttempted,
}

impl ChangeResult {
    /// Which list it belongs to.
    #[must_use]
    pub const fn list(&self) -> List {
        match self {
            Self::Applied | Self::AlreadyDone | Self::Lingers => List::Applied,
            Self::NotAttempted => List::NotAttempted,
            Self::Deviates(_)
            | Self::Unseen
            | Self::Stale
            | Self::Failed(_)
            | Self::Unknown(_)
            | Self::Interrupted => List::Failed,
        }
    }

    /// A stable word for machines.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AlreadyDone => "already_done",
            Self::Lingers => "deletion_accepted",
            Self::Deviates(_) => "deviates",
            Self::Unseen => "unseen",
            Self::Stale => "stale",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
            Self::Interrupted => "interrupted",
            Self::NotAttempted => "not_attempted",
        }
    }

    /// Something was sent and accepted.
    #[must_use]
    pub const fn wrote(&self) -> bool {
        matches!(self, Self::Applied | Self::Lingers | Self::Deviates(_) | Self::Unseen)
    }
}

/// How one change ended.
#[derive(Debug)]
pub struct Ended {
    /// Its address.
    pub address: String,
    /// What was to be done.
    pub actions: Vec<Action>,
    /// How it ended.
    pub result: ChangeResult,
    /// The service's ids of the requests that wrote, for a support case; empty when nothing was written or none was told.
    pub request_ids: Vec<String>,
}

/// Everything that happened, in the plan's order.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One entry for each effective change.
    pub results: Vec<Ended>,
    /// Why nothing could be recorded, if so; no write was begun after that.
    pub unrecorded: Option<String>,
    /// Somebody stopped the run, whether or not anything was left to do.
    pub stopped: bool,
}

impl Outcome {
    /// How many ended in a way that `is` recognises.
    #[must_use]
    pub fn count(&self, is: impl Fn(&ChangeResult) -> bool) -> usize {
        self.results.iter().filter(|ended| is(&ended.result)).count()
    }

    /// The changes on one of the three lists.
    pub fn on(&self, list: List) -> impl Iterator<Item = &Ended> {
        self.results.iter().filter(move |ended| ended.result.list() == list)
    }
}
