//! The rules as they are written: compiled for no environment, so without parameters, overrides and allowlists.

use std::sync::Arc;

use jiff::civil::Date;

use crate::address::Workspace;
use crate::compile::{Analyses, Desired, compile_with};
use crate::model::Repository;
use crate::model::environment::{
    Cloud, DefenderTarget, Environment, Guards, Lifecycle, Presence, Prune, ResponseActions, Select,
};
use crate::source::Spanned;

/// Every rule that has cases, compiled for an environment that asks for nothing.
#[derive(Debug)]
pub struct Bare {
    pub(super) environment: Environment,
    pub(super) desired: Desired,
}

impl Bare {
    /// Compiles them; `None` when no rule has cases.
    #[must_use]
    pub fn of(repository: &Repository, analyses: &Analyses, today: Date) -> Option<Self> {
        let environment = environment(repository)?;
        let mut plain = repository.clone();
        plain.allowlists.clear();
        // What is wrong is reported where it is real: in the environments.
        let (desired, _) = compile_with(analyses, &plain, &environment, today);
        Some(Self { environment, desired })
    }
}

/// Both platforms, every rule, nothing changed. It has the name, and with that the schemas, of the first environment.
fn environment(repository: &Repository) -> Option<Environment> {
    let mut cases = repository.suites.iter().flat_map(|suite| &suite.cases);
    let span = cases.next()?.name.span;
    let word = |text: &str| Spanned::new(text.to_owned(), span);
    let sections = repository.rules.iter().filter_map(|rule| rule.sentinel.as_ref());
    let mut names: Vec<&str> =
        sections.flat_map(|section| section.workspaces.iter().map(|name| name.value.as_str())).collect();
    names.push("workspace");
    names.sort_unstable();
    names.dedup();
    let workspace = |name: &&str| {
        let workspace = Workspace {
            subscription: String::new(),
            resource_group: String::new(),
            workspace: (*name).to_owned(),
        };
        Spanned::new(Arc::new(workspace), span)
    };
    Some(Environment {
        name: repository.environments.first().map_or_else(String::new, |first| first.name.clone()),
        owner: word("bare"),
        tenant_id: word(""),
        cloud: Spanned::new(Cloud::Sandbox, span),
        defender: Some(DefenderTarget { api_version: None, preview_fields: true, span }),
        sentinel: names.iter().map(workspace).collect(),
        sentinel_api_version: None,
        select: Select {
            rules: repository.suites.iter().map(|suite| word(suite.rule.as_str())).collect(),
            ..Select::default()
        },
        watchlists: None,
        parameters: Vec::new(),
        overrides: Vec::new(),
        allowlists: Vec::new(),
        lifecycle: Lifecycle {
            experimental: Presence::Enabled,
            test: Presence::Enabled,
            production: Presence::Enabled,
            deprecated: Presence::Enabled,
        },
        prune: Spanned::new(Prune::Never, span),
        guards: Guards::default(),
        response_actions: ResponseActions::Forbid,
        shares: Vec::new(),
        ring: None,
        span,
    })
}
