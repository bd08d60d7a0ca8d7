//! `palisade drift`: for a nightly job. What is there against what was last applied; changes of the files that are not
//! deployed yet are not its business.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::model::environment::Environment;
use crate::plan::{DriftInput, Drifted, drift};
use crate::render::drift::{Found, markdown, text};

use super::connection::prepare;
use super::failure::{Exit, Failure};
use super::outputs::{self, MarkdownArgs, Missing};
use super::plan::PlanFormat;
use super::planning::CredentialArg;
use super::repository::{EnvironmentArgs, open};
use super::settings::Settings;
use super::tenants::{Next, Tally, TenantArgs, Tenants};
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
    #[command(flatten)]
    tenants: TenantArgs,
}

pub(crate) fn run(args: &DriftArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    outputs::writable([&args.json_into, &args.markdown.markdown_into])?;
    let opened = open(start)?;
    let environments = opened.select(&args.environments, ui)?;
    let several = environments.len() != 1;
    let tenants = Tenants::new(&opened, settings, args.tenants, environments.len())?.compiling_ahead();
    if tenants.several {
        tenants.block_on(async { tenants.interrupt.listen() })?;
    }
    let (mut worst, mut tally, mut missing) = (Exit::Done, Tally::default(), Vec::new());
    let mut all: Vec<(&str, Vec<Drifted>, Vec<String>)> = Vec::new();
    let look = async |environment: &'_ Environment, ui: &Ui| {
        let (found, absent) =
            tenants.interrupt.or_give_up(look(&tenants, environment, args.credential, ui)).await?;
        if args.format == PlanFormat::Text {
            let one = Found { environment: &environment.name, drifted: &found, absent: &absent };
            ui.data(&text(&one, ui.out));
        }
        Ok((found, absent))
    };
    let rest = tenants.each(&environments, ui, look, |environment, looked| {
        match looked {
            Ok((found, absent)) => {
                if !found.is_empty() && args.detailed_exitcode {
                    worst = worst.max(Exit::Changes);
                }
                tally.count(if found.is_empty() { "without drift" } else { "with drift" });
                all.push((&environment.name, found, absent));
            }
            Err(failure) => {
                tenants.failed(environment, &failure, ui);
                worst = worst.max(failure.exit);
                tally.failed(environment);
                missing.push(Missing::new(&environment.name, &failure));
            }
        }
        Next::GoOn
    });
    if !rest.is_empty() {
        tally.not_begun(&rest);
        worst = worst.max(Exit::Partial);
    }
    tenants.close()?;
    tally.say(ui);
    let listed = several.then_some(missing.as_slice());
    let found: Vec<Found<'_>> =
        all.iter().map(|(environment, drifted, absent)| Found { environment, drifted, absent }).collect();
    match args.format {
        PlanFormat::Text => {}
        PlanFormat::Json => ui.json(&as_json(&found, listed)),
        PlanFormat::Markdown => ui.data(&page(&found, &missing, args.markdown.max_bytes)),
    }
    if let Some(file) = &args.json_into {
        outputs::write(file, &crate::render::json::pretty(&as_json(&found, listed)))?;
    }
    args.markdown.write(|limit| page(&found, &missing, limit))?;
    Ok(worst)
}

/// All environments on one page, and at its end those that could not be looked at.
fn page(found: &[Found<'_>], missing: &[Missing], limit: usize) -> String {
    let failed = Missing::markdown(missing, limit);
    markdown(found, limit.saturating_sub(failed.len())) + &failed
}

/// One object for one environment, `{"environments": […]}` where several were asked for, with those that failed.
fn as_json(all: &[Found<'_>], several: Option<&[Missing]>) -> Value {
    let one = |found: &Found<'_>| json!({"environment": found.environment, "drift": found.drifted, "absent": found.absent});
    let listed = || all.iter().map(one).collect::<Vec<_>>();
    match (several, all) {
        (None, [only]) => one(only),
        (Some(missing), _) if !missing.is_empty() => {
            json!({"environments": listed(), "failed": Missing::json(missing)})
        }
        _ => json!({"environments": listed()}),
    }
}

async fn look(
    tenants: &Tenants<'_>,
    environment: &Environment,
    credential: CredentialArg,
    ui: &Ui,
) -> Result<(Vec<Drifted>, Vec<String>), Failure> {
    let (opened, settings) = (tenants.opened, tenants.settings);
    // Only names of fields depend on the files, so mistakes in them are no reason not to look.
    let (desired, diagnostics) = opened.compiled(environment, settings.today()?);
    if diagnostics.has_errors() || opened.diagnostics.has_errors() {
        ui.say("The files have errors (see `palisade validate`); fields that drifted may not be named.");
    }
    let watchlists = opened.has_watchlists(environment);
    let connection =
        prepare(&tenants.network, environment, watchlists, &opened.root, credential.0, settings).await?;
    let states = tenants.list(&connection).await?;
    let deployed = super::audit::deployed(&opened.root, &environment.owner.value);
    Ok(drift(&DriftInput {
        owner: &environment.owner.value,
        desired: &desired.resources,
        actual: &states,
        deployed: &deployed,
    }))
}
