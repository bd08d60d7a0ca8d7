//! Which rules an environment takes, with its overrides laid over them.

use std::sync::Arc;

use crate::address::{RuleId, matches_glob};
use crate::diagnostic::Diagnostics;
use crate::model::Repository;
use crate::model::environment::{Environment, Presence};
use crate::model::rule::Rule;
use crate::source::{SourceMap, Spanned};
use crate::yaml::Node;

/// The outcome of selection.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Rules to deploy, each with whether it is switched on, ordered by id.
    pub(crate) taken: Vec<(Arc<Rule>, bool)>,
    /// The others.
    pub(crate) dropped: Vec<Dropped>,
}

/// A rule that an environment does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Which.
    pub rule: RuleId,
    /// Why.
    pub reason: DropReason,
}

/// Why a rule is not deployed to an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// Its `environments` do not name this one.
    Elsewhere,
    /// `select` does not choose it.
    NotSelected,
    /// `select.exclude` names it.
    Excluded,
    /// `lifecycle` makes its status absent.
    Lifecycle,
}

impl DropReason {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Elsewhere => "for other environments",
            Self::NotSelected => "not selected",
            Self::Excluded => "excluded",
            Self::Lifecycle => "absent by lifecycle",
        }
    }
}

pub(crate) fn select(
    repository: &Repository,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Selection {
    let mut selection = Selection::default();
    for rule in &repository.rules {
        let overridden = environment.overrides.iter().find(|(id, _)| id.value == rule.id.value);
        let rule = match overridden {
            Some((_, overlay)) => match overlaid(&repository.sources, rule, overlay, diagnostics) {
                Some(rule) => Arc::new(rule),
                None => continue,
            },
            None => Arc::clone(rule),
        };
        match decide(environment, &rule) {
            Ok(enabled) => selection.taken.push((rule, enabled)),
            Err(reason) => selection.dropped.push(Dropped { rule: rule.id.value.clone(), reason }),
        }
    }
    selection
}

/// Decodes the rule again with the override merged in; what is wrong with the override is reported at its own place.
///
/// The document is read again, from the text that was loaded: few rules are overridden, and keeping every document would
/// double what a large repository takes in memory.
fn overlaid(sources: &SourceMap, rule: &Rule, overlay: &Node, diagnostics: &mut Diagnostics) -> Option<Rule> {
    let file = rule.id.span.file;
    let text = sources.file(file).map_or("", |source| &source.text);
    let own = match crate::yaml::read::read(text, file) {
        Ok(own) => own,
        Err(found) => {
            diagnostics.extend(found);
            return None;
        }
    };
    let document = crate::yaml::decode::merge(&own, overlay);
    let external = rule.query.clone().filter(|_| own.get("query").is_none());
    let (decoded, found) = crate::yaml::decode::decode_rule(&document, external, None);
    diagnostics.extend(found);
    decoded
}

/// `Ok(enabled)` for a rule that is deployed.
fn decide(environment: &Environment, rule: &Rule) -> Result<bool, DropReason> {
    let id = rule.id.as_str();
    let here = |name: &Spanned<String>| name.value == environment.name;
    if !rule.environments.is_empty() && !rule.environments.iter().any(here) {
        return Err(DropReason::Elsewhere);
    }
    let select = &environment.select;
    if select.exclude.iter().any(|pattern| matches_glob(pattern, id)) {
        return Err(DropReason::Excluded);
    }
    let named = select.rules.iter().any(|pattern| matches_glob(pattern, id));
    let tagged = rule.tags.iter().any(|tag| select.tags.iter().any(|wanted| wanted.value == tag.value));
    let everything = select.rules.is_empty() && select.tags.is_empty();
    if !everything && !named && !tagged {
        return Err(DropReason::NotSelected);
    }
    let presence = environment.lifecycle.presence(rule.status.value);
    match (presence, &rule.enabled) {
        (Presence::Absent, _) => Err(DropReason::Lifecycle),
        (_, Some(enabled)) => Ok(enabled.value),
        (Presence::Enabled, None) => Ok(true),
        (Presence::Disabled, None) => Ok(false),
    }
}
