//! Rules that many environments compile alike.
//!
//! A rule that an environment says nothing about (no override, no parameter, no allowlist) compiles to the same text and
//! properties everywhere; only where it goes and the ids that the owner's name makes are the environment's own. Nearly all rules
//! of three hundred tenants are such rules, so the first environment's result serves the others. A result with any finding is
//! not kept: findings are made anew, in the words of the environment that has them.

use std::sync::Arc;

use crate::address::{Address, Platform, Target};
use crate::model::environment::Environment;
use crate::model::rule::Rule;
use crate::resource::Resource;

use super::analysis::platform_of;
use super::{Scope, lower};

/// Everything of an environment that such a result depends on. What [`super::compile_rule`] looks at besides belongs here, or
/// into the reasons for which [`Surroundings::of_rule`] has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Surroundings {
    /// The schema behind custom detections, and whether properties of the newest beta are managed; `None`: no target.
    defender: Option<(usize, bool)>,
    /// The schema behind analytics rules.
    sentinel: Option<usize>,
    /// The marker counts towards a query's limit.
    owner_length: usize,
}

/// A rule in such surroundings. Equal keys have equal results, as long as the rule lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    rule: usize,
    enabled: bool,
    /// The platforms on which it has targets here: a rule may name workspaces that an environment lacks.
    on: [bool; 2],
    surroundings: Surroundings,
}

/// What a rule compiled to.
#[derive(Debug)]
pub(crate) struct Alike {
    /// Kept, so that no other rule gets its address, which is the key.
    _rule: Arc<Rule>,
    /// One for each platform.
    resources: Vec<Resource>,
}

impl Surroundings {
    pub(super) fn of(scope: &Scope<'_>) -> Self {
        let Scope { repository, environment, analyses, .. } = *scope;
        let schema =
            |target: &Target| analyses.schema(repository, environment, platform_of(target, environment)).id();
        let workspace = environment.sentinel.first().map(|first| Target::Sentinel(Arc::clone(&first.value)));
        Self {
            defender: environment
                .defender
                .as_ref()
                .map(|target| (schema(&Target::Defender), target.preview_fields)),
            sentinel: workspace.as_ref().map(schema),
            owner_length: environment.owner.value.len(),
        }
    }

    /// The key of a rule; `None` when the environment says something about it.
    pub(super) fn of_rule(
        self,
        scope: &Scope<'_>,
        rule: &Arc<Rule>,
        enabled: bool,
        targets: &[Target],
    ) -> Option<Key> {
        let Environment { parameters, overrides, .. } = scope.environment;
        let id = &rule.id.value;
        let untouched = scope.index.of_rule(id).is_empty()
            && parameters.iter().all(|given| given.rule.value != *id)
            && overrides.iter().all(|(overridden, _)| overridden.value != *id);
        let on = [Platform::Defender, Platform::Sentinel]
            .map(|platform| targets.iter().any(|target| target.platform() == platform));
        untouched.then(|| Key { rule: Arc::as_ptr(rule).addr(), enabled, on, surroundings: self })
    }
}

impl Alike {
    /// What was compiled, without what belongs to one environment only.
    pub(super) fn new(rule: &Arc<Rule>, compiled: &[Resource]) -> Self {
        let mut resources: Vec<Resource> = Vec::new();
        for resource in compiled {
            if resources.iter().all(|known| platform(known) != platform(resource)) {
                resources.push(resource.clone());
            }
        }
        Self { _rule: Arc::clone(rule), resources }
    }

    /// The rule at a target of another environment; `None` when it has nothing there.
    pub(super) fn at(&self, rule: &Rule, target: &Target, owner: &str) -> Option<Resource> {
        let known = self.resources.iter().find(|known| platform(known) == target.platform())?;
        Some(Resource {
            address: Address { target: target.clone(), rule: known.address.rule.clone() },
            remote_id: lower::remote_id(rule, target.platform(), &known.kind, owner),
            kind: known.kind.clone(),
            pinned: known.pinned,
            body: Arc::clone(&known.body),
            protect: known.protect,
            lines: Arc::clone(&known.lines),
            // The environment has no allowlist for it.
            entries: Vec::new(),
        })
    }
}

fn platform(resource: &Resource) -> Platform {
    resource.address.target.platform()
}
