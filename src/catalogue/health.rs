//! How a rule stands in a tenant that was asked: read off the plan and the lists that it was made from, nothing more.

use std::collections::HashMap;

use serde_json::Value;

use crate::plan::{Change, Class, Plan, TargetState};
use crate::resource::{Live, Resource};

/// How a deployment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nobody asked the tenant.
    NotLookedAt,
    /// It is there as the files say.
    InStep,
    /// The files changed and were not applied yet.
    Pending {
        /// What is there now is switched on.
        runs: bool,
    },
    /// Somebody changed it outside, perhaps besides a change of the files.
    Drifted {
        /// Who and when, as far as the service says.
        by: String,
        /// What is there now is switched on.
        runs: bool,
    },
    /// It is not there.
    Missing,
    /// It is there and somebody else's, or nobody's: never touched.
    NotOurs,
    /// The service switched it off by itself.
    AutoDisabled {
        /// In the service's words.
        reason: String,
    },
}

impl Health {
    /// What is there raises alerts; where nobody looked, that is assumed.
    pub(super) const fn runs(&self) -> bool {
        match self {
            Self::NotLookedAt | Self::InStep => true,
            Self::Pending { runs } | Self::Drifted { runs, .. } => *runs,
            Self::Missing | Self::NotOurs | Self::AutoDisabled { .. } => false,
        }
    }
}

/// One environment's tenant as it was found.
#[derive(Debug)]
pub struct Seen<'a> {
    changes: HashMap<&'a str, &'a Change>,
    drift: HashMap<&'a str, String>,
    not_ours: HashMap<&'a str, ()>,
    live: HashMap<(String, String), &'a Live>,
}

impl<'a> Seen<'a> {
    /// Arranges a plan and what it was made from by rule.
    #[must_use]
    pub fn of(plan: &'a Plan, states: &'a [TargetState]) -> Self {
        let live = states.iter().flat_map(|state| {
            // Resource Manager compares ids without case (CONTRACT B.1), Graph's are lower case.
            state.live.iter().map(|live| ((state.target.to_string(), live.remote_id.to_lowercase()), live))
        });
        let drift = plan.drift.iter().map(|note| {
            let words = [note.modified_by.as_deref(), note.modified_at.as_deref()];
            (note.address.as_str(), words.into_iter().flatten().collect::<Vec<_>>().join(", "))
        });
        let not_ours = plan.listed.iter().filter(|listed| matches!(&*listed.class, "foreign" | "unmanaged"));
        Self {
            changes: plan.changes.iter().map(|change| (change.address.as_str(), change)).collect(),
            drift: drift.collect(),
            not_ours: not_ours.map(|listed| (listed.address.as_str(), ())).collect(),
            live: live.collect(),
        }
    }

    /// How one wanted rule stands.
    pub(super) fn health(&self, resource: &Resource) -> Health {
        let address = resource.address.to_string();
        if self.not_ours.contains_key(address.as_str()) {
            return Health::NotOurs;
        }
        let id = (resource.address.target.to_string(), resource.remote_id.to_lowercase());
        let live = self.live.get(&id);
        if let Some(reason) = live.and_then(|live| live.auto_disabled.clone()) {
            return Health::AutoDisabled { reason };
        }
        let runs = live.is_some_and(|live| is_on(live));
        if let Some(by) = self.drift.get(address.as_str()) {
            return Health::Drifted { by: by.clone(), runs };
        }
        match self.changes.get(address.as_str()).map(|change| change.class) {
            None if live.is_none() => Health::Missing,
            None => Health::InStep,
            Some(Class::New) => Health::Missing,
            Some(Class::Foreign) => Health::NotOurs,
            Some(Class::Drift | Class::Conflict) => Health::Drifted { by: String::new(), runs },
            Some(Class::Change | Class::Adopted | Class::Migrated | Class::Orphan) => {
                Health::Pending { runs }
            }
        }
    }
}

fn is_on(live: &Live) -> bool {
    match live.body.get("enabled") {
        Some(Value::Bool(on)) => *on,
        _ => live.body.get("status").and_then(Value::as_str) == Some("enabled"),
    }
}
