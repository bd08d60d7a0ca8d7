//! `palisade render`: the exact query and payload that would be sent for a rule.

use std::path::Path;

use serde_json::{Value, json};

use crate::address::Platform;
use crate::diagnostic::did_you_mean;
use crate::diff::canonical;
use crate::provider::{Write, defender, sentinel};
use crate::render::safe;
use crate::resource::{Marker, Resource, digest};

use super::failure::{Exit, Failure};
use super::repository::{EnvironmentArgs, Opened, open};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `render`.
#[derive(Debug, clap::Args)]
pub(crate) struct RenderArgs {
    /// The rule's id
    rule: String,
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = RenderFormat::Kql)]
    format: RenderFormat,
}

/// How to print a compiled rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RenderFormat {
    /// The queries, each under a comment with its address
    Kql,
    /// One JSON object per platform and line, with the whole payload
    Json,
}

pub(crate) fn run(args: &RenderArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    opened.require_sound(ui)?;
    for environment in opened.choose(&args.environments)? {
        let (desired, _) = opened.compile(environment, settings.today()?, ui)?;
        let of_rule: Vec<&Resource> =
            desired.resources.iter().filter(|resource| resource.address.rule == args.rule).collect();
        if of_rule.is_empty() {
            return Err(not_there(&opened, &args.rule, &environment.name, &desired.dropped));
        }
        for resource in of_rule {
            let (payload, query) = payload(resource, &environment.owner.value);
            match args.format {
                RenderFormat::Json => ui.json_line(&json!({
                    "rule": resource.address.rule,
                    "platform": resource.address.target.platform().as_str(),
                    "id": resource.remote_id,
                    "query": query,
                    "payload": payload,
                })),
                RenderFormat::Kql => {
                    ui.data(&format!("// {} ({})", resource.address, resource.remote_id));
                    ui.data(&match query.as_str() {
                        Some(query) => safe::lines(query),
                        None => format!("// no query; payload: {}", crate::render::json::line(&payload)),
                    });
                }
            }
        }
    }
    Ok(Exit::Done)
}

/// The body of a create, and the query in it.
pub(super) fn payload(resource: &Resource, owner: &str) -> (Value, Value) {
    let platform = resource.address.target.platform();
    let schema = match platform {
        Platform::Sentinel => sentinel::schema(),
        Platform::Defender => defender::schema(),
    };
    let body = canonical(schema, &resource.kind, &resource.body);
    let digest = digest(&resource.kind, &body).chars().take(Marker::DIGEST_LENGTH).collect();
    let write = Write {
        remote_id: resource.remote_id.clone(),
        kind: resource.kind.clone(),
        body,
        marker: Marker {
            owner: owner.to_owned(),
            rule: resource.address.rule.clone(),
            digest,
            protect: resource.protect,
        },
    };
    let (payload, query) = match platform {
        Platform::Sentinel => (sentinel::payload(&write), "/properties/query"),
        Platform::Defender => (defender::payload(&write), "/queryCondition/queryText"),
    };
    let query = payload.pointer(query).cloned().unwrap_or(Value::Null);
    (payload, query)
}

fn not_there(
    opened: &Opened,
    wanted: &str,
    environment: &str,
    dropped: &[crate::compile::Dropped],
) -> Failure {
    if let Some(dropped) = dropped.iter().find(|dropped| dropped.rule.as_str() == wanted) {
        return Failure::error(format!(
            "`{wanted}` is not deployed to {environment}: {}",
            dropped.reason.as_str()
        ))
        .help("see `select` and `lifecycle` of the environment");
    }
    let ids: Vec<&str> = opened.repository.rules.iter().map(|rule| rule.id.as_str()).collect();
    if ids.contains(&wanted) {
        return Failure::error(format!("`{wanted}` has no target in {environment}"))
            .help("the environment lacks the platforms that the rule is written for");
    }
    let help = match did_you_mean(wanted, ids.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "rule ids are the names of the files under rules/".to_owned(),
    };
    Failure::error(format!("there is no rule `{wanted}`")).help(help)
}
