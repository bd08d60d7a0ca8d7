//! Small words with a colour: severity, status, and how a rule stands in a tenant. The word carries the meaning.

use maud::{Markup, html};

use crate::catalogue::{Deployment, Health};
use crate::model::rule::{Severity, Status};

use super::super::safe;

pub(super) fn severity(severity: Severity) -> Markup {
    let word = Severity::NAMES.iter().find(|(_, value)| *value == severity).map_or("", |(word, _)| word);
    html! { span.badge.severity.(word) { (word) } }
}

pub(super) fn status(status: Status) -> Markup {
    let word = Status::NAMES.iter().find(|(_, value)| *value == status).map_or("", |(word, _)| word);
    html! { span.badge.status.(word) { (word) } }
}

/// How a deployment stands: the word, and what there is to add.
pub(super) fn health(deployment: &Deployment) -> Markup {
    let (class, word, detail) = match &deployment.health {
        Health::AutoDisabled { reason } => ("bad", "auto-disabled", safe::line(reason)),
        Health::Missing => ("bad", "not deployed yet", String::new()),
        Health::NotOurs => ("warn", "not ours", String::new()),
        Health::Drifted { by, .. } => ("warn", "drifted", safe::line(by)),
        Health::Pending { .. } => ("warn", "change pending", String::new()),
        Health::InStep | Health::NotLookedAt if !deployment.enabled => ("off", "switched off", String::new()),
        Health::InStep => ("good", "in step", String::new()),
        Health::NotLookedAt => ("plain", "wanted", String::new()),
    };
    html! {
        span.badge.(class) { (word) }
        @if !detail.is_empty() { " " span.detail { (detail) } }
    }
}

/// What deserves a look first: drift and trouble, by how many deployments have it.
pub(super) fn troubles<'a>(deployments: impl Iterator<Item = &'a Deployment>) -> Vec<(&'static str, usize)> {
    let mut counts = [
        ("auto-disabled", 0),
        ("not deployed yet", 0),
        ("drifted", 0),
        ("change pending", 0),
        ("not ours", 0),
    ];
    for deployment in deployments {
        let word = match deployment.health {
            Health::AutoDisabled { .. } => "auto-disabled",
            Health::Missing => "not deployed yet",
            Health::Drifted { .. } => "drifted",
            Health::Pending { .. } => "change pending",
            Health::NotOurs => "not ours",
            Health::InStep | Health::NotLookedAt => continue,
        };
        counts.iter_mut().filter(|(known, _)| *known == word).for_each(|(_, count)| *count += 1);
    }
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}
