//! What `coverage` and `docs build` share: compiled environments put together, with a look at their tenants when asked.

use crate::catalogue::{Catalogue, Compiled};
use crate::compile::{Analyses, Desired, compile_with};
use crate::diagnostic::Diagnostics;
use crate::model::environment::Environment;
use crate::plan::{Plan, TargetState};

use super::failure::{Exit, Failure};
use super::planning::{CredentialArg, PlanningArgs, plan_environment};
use super::repository::{EnvironmentArgs, Opened, show};
use super::settings::Settings;
use super::tenants::{Next, TenantArgs, Tenants};
use super::ui::Ui;

/// Options of commands that put a catalogue together.
#[derive(Debug, clap::Args)]
pub(crate) struct LookingArgs {
    #[command(flatten)]
    pub(crate) environments: EnvironmentArgs,
    /// Ask the tenants too: what is really there, switched on and not switched off by the service (reads only)
    #[arg(long)]
    live: bool,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::planning::credential_help())]
    credential: CredentialArg,
    #[command(flatten)]
    tenants: TenantArgs,
}

/// Compiles the environments that were asked for (all of them, unless some are named) and puts them together.
///
/// A tenant that cannot be asked is reported, stands in the catalogue as not looked at, and makes the exit code.
pub(crate) fn catalogue<'o>(
    opened: &'o Opened,
    args: &LookingArgs,
    settings: &'o Settings,
    ui: &Ui,
) -> Result<(Catalogue, Exit), Failure> {
    opened.require_sound(ui)?;
    let chosen: Vec<&'o Environment> = opened.select_or_all(&args.environments, ui)?;
    let desired = compile_all(opened, &chosen, settings, ui)?;
    let tenants = Tenants::new(opened, settings, args.tenants, chosen.len())?.compiling_ahead();
    let planning = PlanningArgs { credential: args.credential, ..PlanningArgs::default() };
    let look = async |environment: &'o Environment, ui: &Ui| {
        let planned = plan_environment(&tenants, environment, &planning, ui).await?;
        Ok((planned.plan, planned.states))
    };
    let mut worst = Exit::Done;
    let mut seen = Vec::new();
    if args.live {
        tenants.each(&chosen, ui, look, |environment, looked: Result<(Plan, Vec<TargetState>), Failure>| {
            if let Err(failure) = &looked {
                tenants.failed(environment, failure, ui);
                worst = worst.max(failure.exit);
            }
            seen.push(looked.ok());
            Next::GoOn
        });
    }
    seen.resize_with(chosen.len(), || None);
    tenants.close()?;
    let compiled: Vec<Compiled<'_>> = chosen
        .iter()
        .zip(&desired)
        .zip(&seen)
        .map(|((environment, desired), seen)| Compiled {
            environment,
            desired,
            seen: seen.as_ref().map(|(plan, states)| (plan, states.as_slice())),
        })
        .collect();
    Ok((Catalogue::of(&opened.repository, &compiled, settings.today()?), worst))
}

/// Compiles environments, showing everything that is wrong with any of them before stopping.
fn compile_all(
    opened: &Opened,
    chosen: &[&Environment],
    settings: &Settings,
    ui: &Ui,
) -> Result<Vec<Desired>, Failure> {
    let analyses = Analyses::default();
    let today = settings.today()?;
    let mut wrong = Diagnostics::default();
    let mut all = Vec::new();
    for environment in chosen {
        let (desired, diagnostics) = compile_with(&analyses, &opened.repository, environment, today);
        if diagnostics.has_errors() {
            wrong.extend(diagnostics);
        }
        all.push(desired);
    }
    if wrong.is_empty() {
        return Ok(all);
    }
    wrong.settle(&opened.repository.sources);
    show(&wrong, &opened.repository, ui);
    Err(Failure::diagnosed(Exit::Error))
}
