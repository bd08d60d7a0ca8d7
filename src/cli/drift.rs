//! `palisade drift`: for a nightly job. What is there against what was last applied; changes of the files that are not
//! deployed yet are not its business.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::compile::compile;
use crate::model::environment::Environment;
use crate::plan::{DriftInput, Drifted, drift};
use crate::render::drift::{Found, markdown, text};

use super::block_on;
use super::connection::connect;
use super::failure::{Exit, Failure};
use super::outputs::{self, MarkdownArgs};
use super::plan::PlanFormat;
use super::planning::CredentialArg;
use super::repository::{EnvironmentArgs, Opened, open};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `drift`.
#[derive(Debug, clap::Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// Exit with 2 when something drifted
    #[arg(long)]
    detailed_exitcode: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    /// Also write it as JSON to this file
    #[arg(long, value_name = "FILE")]
    json_into: Option<PathBuf>,
    #[command(flatten)]
    markdown: MarkdownArgs,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::planning::credential_help())]
    credential: CredentialArg,
}

pub(crate) fn run(args: &DriftArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    outputs::writable([&args.json_into, &args.markdown.markdown_into])?;
    let opened = open(start)?;
    let mut worst = Exit::Done;
    let mut all: Vec<(&str, Vec<Drifted>, Vec<String>)> = Vec::new();
    for environment in opened.choose(&args.environments)? {
        let looked = block_on(look(&opened, environment, args, settings, ui));
        match looked {
            Ok((found, absent)) => {
                if !found.is_empty() && args.detailed_exitcode {
                    worst = worst.max(Exit::Changes);
                }
                let one = Found { environment: &environment.name, drifted: &found, absent: &absent };
                if args.format == PlanFormat::Text {
                    ui.data(&text(&one, ui.out));
                }
                all.push((&environment.name, found, absent));
            }
            Err(failure) => {
                ui.failure(&failure);
                worst = worst.max(failure.exit);
            }
        }
    }
    let found: Vec<Found<'_>> =
        all.iter().map(|(environment, drifted, absent)| Found { environment, drifted, absent }).collect();
    match args.format {
        PlanFormat::Text => {}
        PlanFormat::Json => ui.json(&as_json(&found)),
        PlanFormat::Markdown => ui.data(&markdown(&found, args.markdown.max_bytes)),
    }
    if let Some(file) = &args.json_into {
        outputs::write(file, &crate::render::json::pretty(&as_json(&found)))?;
    }
    args.markdown.write(|limit| markdown(&found, limit))?;
    Ok(worst)
}

/// One object for one environment, `{"environments": […]}` for several.
fn as_json(all: &[Found<'_>]) -> Value {
    let one = |found: &Found<'_>| json!({"environment": found.environment, "drift": found.drifted, "absent": found.absent});
    match all {
        [only] => one(only),
        several => json!({"environments": several.iter().map(one).collect::<Vec<_>>()}),
    }
}

async fn look(
    opened: &Opened,
    environment: &Environment,
    args: &DriftArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<(Vec<Drifted>, Vec<String>), Failure> {
    // Only names of fields depend on the files, so mistakes in them are no reason not to look.
    let (desired, diagnostics) = compile(&opened.repository, environment, settings.today()?);
    if diagnostics.has_errors() || opened.diagnostics.has_errors() {
        ui.say("The files have errors (see `palisade validate`); fields that drifted may not be named.");
    }
    let connection =
        connect(environment, opened.has_watchlists(environment), &opened.root, args.credential.0, settings)
            .await?;
    let states = connection.list().await;
    connection.close().await?;
    let states = states?;
    let deployed = super::audit::deployed(&opened.root, &environment.owner.value);
    Ok(drift(&DriftInput {
        owner: &environment.owner.value,
        desired: &desired.resources,
        actual: &states,
        deployed: &deployed,
    }))
}
