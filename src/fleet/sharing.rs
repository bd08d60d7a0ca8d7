//! Environments that meet: at one owner id, in one workspace, or in one tenant's Defender.
//!
//! Two environments at one place are almost always a copied file in which somebody forgot to change an id. What follows is
//! found late: every rule that both select alerts twice, Defender refuses the second of two equal names, and `adopt` or
//! `--take-over` in one is undone by the other. So one workspace is an error, and one tenant's Defender a warning (whoever
//! has several workspaces in a tenant may well divide its custom detections), unless one of the two says `shares: [OTHER]`.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, codes, did_you_mean};
use crate::model::environment::{Cloud, Environment};
use crate::source::Span;

/// Reports owner ids that are used twice, places that are shared without saying so, and `shares:` that lead nowhere.
pub fn check(environments: &[Environment], out: &mut Diagnostics) {
    owners(environments, out);
    places(environments, out);
    for environment in environments {
        declared(environment, environments, out);
    }
}

fn owners(environments: &[Environment], out: &mut Diagnostics) {
    let mut seen: HashMap<String, (Span, &str)> = HashMap::new();
    for environment in environments {
        let owner = environment.owner.value.to_lowercase();
        if let Some((first, name)) = seen.get(&owner) {
            out.push(
                Diagnostic::error(codes::ENVIRONMENT_OWNER, "two environments have the same owner")
                    .labelled(environment.owner.span, format!("`{name}` has it too"))
                    .with_related(*first, "the other environment")
                    .with_help("each environment needs an owner id of its own: with one id, each deletes the other's rules"),
            );
        } else {
            seen.insert(owner, (environment.owner.span, &environment.name));
        }
    }
}

/// Somewhere that rules are deployed to.
struct Place {
    /// Equal for equal places, in whatever spelling.
    key: String,
    /// As people call it.
    name: String,
    span: Span,
    /// What it is to meet there unawares.
    severity: Severity,
}

fn places_of(environment: &Environment) -> Vec<Place> {
    let cloud = match &environment.cloud.value {
        // A played tenant is not the real one of the same id.
        Cloud::Custom { arm, graph, .. } => format!("{} {}", arm.value, graph.value),
        named => named.as_str().to_owned(),
    };
    let key = |what: &str| format!("{cloud} {what}").to_lowercase();
    let mut places: Vec<Place> = environment
        .sentinel
        .iter()
        .map(|workspace| Place {
            key: key(&workspace.resource_id()),
            name: format!("the workspace `{}`", workspace.workspace),
            span: workspace.span,
            severity: Severity::Error,
        })
        .collect();
    places.extend(environment.defender.as_ref().map(|_| Place {
        key: key(&environment.tenant_id.value),
        name: "this tenant's Defender".to_owned(),
        span: environment.tenant_id.span,
        severity: Severity::Warning,
    }));
    places
}

fn places(environments: &[Environment], out: &mut Diagnostics) {
    let mut seen: HashMap<String, Vec<(&Environment, Span)>> = HashMap::new();
    for environment in environments {
        let mut reported: Vec<&str> = Vec::new();
        for place in places_of(environment) {
            let earlier = seen.entry(place.key.clone()).or_default();
            // One of those that are there is enough to say: the mistake is this environment's.
            let undeclared =
                earlier.iter().find(|(other, _)| !names(environment, other) && !names(other, environment));
            if let Some((other, span)) =
                undeclared.filter(|(other, _)| !reported.contains(&other.name.as_str()))
            {
                reported.push(&other.name);
                out.push(collision(environment, &place, other, *span));
            }
            earlier.push((environment, place.span));
        }
    }
}

fn collision(environment: &Environment, place: &Place, other: &Environment, first: Span) -> Diagnostic {
    // What both took from one base stands in one place; then the files themselves say which two they are.
    let (span, first) =
        if place.span == first { (environment.span, other.span) } else { (place.span, first) };
    let begin = match place.severity {
        Severity::Error => Diagnostic::error,
        _ => Diagnostic::warning,
    };
    begin(codes::ENVIRONMENT_PLACE, "two environments deploy to one place")
        .labelled(span, format!("`{}` deploys to {}, and so does `{}`", environment.name, place.name, other.name))
        .with_related(first, format!("`{}` deploys there", other.name))
        .with_detail(
            "Neither takes the other's rules for its own: a rule that both select is there twice and alerts twice, Defender refuses \
             the second one of a name, and what one of them adopts or takes over, the next apply of the other undoes.",
        )
        .with_help(format!(
            "correct the id that was copied; or, if both are meant, write `shares: [{}]` into the file of `{}` and let them select \
             different rules",
            other.name, environment.name
        ))
}

fn names(environment: &Environment, other: &Environment) -> bool {
    environment.shares.iter().any(|name| name.value == other.name)
}

fn declared(environment: &Environment, environments: &[Environment], out: &mut Diagnostics) {
    for name in &environment.shares {
        let code = codes::ENVIRONMENT_REFERENCE;
        let Some(other) = environments.iter().find(|other| other.name == name.value) else {
            let known = environments.iter().map(|other| other.name.as_str());
            let finding = Diagnostic::error(code, "an environment that does not exist")
                .labelled(name.span, "there is no such folder below environments/");
            out.push(match did_you_mean(&name.value, known) {
                Some(near) => finding.with_help(format!("did you mean `{near}`?")),
                None => finding.with_help("remove it"),
            });
            continue;
        };
        let here = places_of(environment);
        let common = places_of(other).iter().any(|place| here.iter().any(|one| one.key == place.key));
        if other.name == environment.name || !common {
            out.push(
                Diagnostic::warning(code, "nothing is shared with this environment")
                    .labelled(name.span, "no workspace and no tenant in common")
                    .with_help("remove it: a permission that nobody needs hides the mistake that it permits"),
            );
        }
    }
}
