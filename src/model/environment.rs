//! An environment: one tenant, its workspaces, and what differs there.

use std::sync::Arc;

use crate::address::{RuleId, Workspace};
use crate::model::allowlist::Scope;
use crate::model::rule::Status;
use crate::model::watchlist::Watchlist;
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// One `environments/<name>/environment.yaml`.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The folder's name.
    pub name: String,
    /// Ownership id written into deployed rules; unique.
    pub owner: Spanned<String>,
    /// Entra tenant (a GUID).
    pub tenant_id: Spanned<String>,
    /// Where its endpoints are.
    pub cloud: Spanned<Cloud>,
    /// Present: custom detections are deployed to this tenant.
    pub defender: Option<DefenderTarget>,
    /// Workspaces that analytics rules are deployed to.
    pub sentinel: Vec<Spanned<Arc<Workspace>>>,
    /// `sentinel` API version; default `2025-07-01-preview`.
    pub sentinel_api_version: Option<Spanned<String>>,
    /// Which rules.
    pub select: Select,
    /// Literals for `let` parameters, per rule.
    pub parameters: Vec<RuleParameters>,
    /// Partial rules laid over the rule files.
    pub overrides: Vec<(Spanned<RuleId>, Node)>,
    /// Shared allowlists that it takes.
    pub allowlists: Vec<Spanned<String>>,
    /// Shared watchlists that it takes. `None`: the key is absent, and unless the environment has watchlists of its own,
    /// those of its workspaces are not even looked at.
    pub watchlists: Option<Vec<Spanned<String>>>,
    /// What each status means here.
    pub lifecycle: Lifecycle,
    /// What happens to rules of ours without a file.
    pub prune: Spanned<Prune>,
    /// Limits of one run.
    pub guards: Guards,
    /// Which response actions rules may carry here.
    pub response_actions: ResponseActions,
    /// Environments with which it shares a workspace or a tenant's Defender on purpose.
    pub shares: Vec<Spanned<String>>,
    /// Stage of a rollout.
    pub ring: Option<Spanned<Ring>>,
    /// The file's place.
    pub span: Span,
}

impl Environment {
    /// Whether both are the same environment at the same targets, whatever else they say: the owner, the tenant, the cloud, and
    /// no workspace that is another one now.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        let moved = self.sentinel.iter().any(|workspace| {
            let mut namesakes = other.sentinel.iter().filter(|one| one.workspace == workspace.workspace);
            namesakes.any(|one| !one.resource_id().eq_ignore_ascii_case(&workspace.resource_id()))
        });
        self.name == other.name
            && self.owner.value == other.owner.value
            && self.tenant_id.value.eq_ignore_ascii_case(&other.tenant_id.value)
            && self.cloud.value.as_str() == other.cloud.value.as_str()
            && !moved
    }

    /// Whether a watchlist is deployed to the workspaces of this environment.
    #[must_use]
    pub fn takes_watchlist(&self, list: &Watchlist) -> bool {
        match &list.scope {
            Scope::Environment(name) => *name == self.name,
            Scope::Shared => self.watchlists.iter().flatten().any(|wanted| wanted.value == list.reference),
        }
    }
}

impl Cloud {
    /// The word that people write; a cloud that is spelled out has none.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::UsGov => "us-gov",
            Self::UsGovDod => "us-gov-dod",
            Self::China => "china",
            Self::Sandbox => "sandbox",
            Self::Custom { .. } => "custom",
        }
    }
}

/// Which cloud's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cloud {
    /// Azure public and GCC.
    Public,
    /// GCC High.
    UsGov,
    /// DoD.
    UsGovDod,
    /// 21Vianet.
    China,
    /// The embedded emulator.
    Sandbox,
    /// Spelled out; accepted for loopback, or when the operator allows it outside the repository.
    Custom {
        /// Token authority, `https://…`.
        authority: Spanned<String>,
        /// Resource Manager, `https://…`.
        arm: Spanned<String>,
        /// Graph, `https://…`.
        graph: Spanned<String>,
        /// PEM file with further roots.
        ca_file: Option<Spanned<String>>,
    },
}

/// Custom detections of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefenderTarget {
    /// Graph version; default `beta`.
    pub api_version: Option<Spanned<String>>,
    /// Whether `lookback`, `eventGroupingKind` and `incidentConfiguration` may be sent; default false (CONTRACT A.4).
    pub preview_fields: bool,
    /// The section's place.
    pub span: Span,
}

/// Which rules an environment takes; all when nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Select {
    /// Ids or globs; empty: all.
    pub rules: Vec<Spanned<String>>,
    /// Rules with any of these tags; empty: all.
    pub tags: Vec<Spanned<String>>,
    /// Ids or globs to leave out.
    pub exclude: Vec<Spanned<String>>,
}

/// Parameters of one rule.
#[derive(Debug, Clone)]
pub struct RuleParameters {
    /// The rule.
    pub rule: Spanned<RuleId>,
    /// Name and literal.
    pub values: Vec<(Spanned<String>, Node)>,
}

/// What a rule status means in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Deployed and switched on.
    Enabled,
    /// Deployed and switched off.
    Disabled,
    /// Not deployed.
    Absent,
}

/// Status to presence. Defaults: experimental absent, test disabled, production enabled, deprecated disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifecycle {
    /// For experimental rules.
    pub experimental: Presence,
    /// For rules under test.
    pub test: Presence,
    /// For production rules.
    pub production: Presence,
    /// For deprecated rules.
    pub deprecated: Presence,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            experimental: Presence::Absent,
            test: Presence::Disabled,
            production: Presence::Enabled,
            deprecated: Presence::Disabled,
        }
    }
}

impl Lifecycle {
    /// What `status` means here.
    #[must_use]
    pub const fn presence(&self, status: Status) -> Presence {
        match status {
            Status::Experimental => self.experimental,
            Status::Test => self.test,
            Status::Production => self.production,
            Status::Deprecated => self.deprecated,
        }
    }
}

/// What happens to rules that we own but have no file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// They are listed.
    Never,
    /// They are deleted.
    Owned,
}

/// Limits of one run; each can be raised for a run by a number on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guards {
    /// Most deletions.
    pub max_deletes: u32,
    /// Most coverage-reducing changes.
    pub max_coverage_reducing: u32,
    /// Most changes, in percent of the deployed rules (counted from ten rules on).
    pub max_change_percent: u32,
}

impl Default for Guards {
    fn default() -> Self {
        Self { max_deletes: 3, max_coverage_reducing: 10, max_change_percent: 30 }
    }
}

/// Which response actions rules may carry in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ResponseActions {
    /// None.
    #[default]
    Forbid,
    /// Those named.
    Allow(Vec<Spanned<String>>),
}

/// Stage of a staged rollout, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ring {
    /// First.
    Canary,
    /// Second.
    Early,
    /// Last.
    Broad,
}

impl Ring {
    /// The word that people write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Early => "early",
            Self::Broad => "broad",
        }
    }
}
