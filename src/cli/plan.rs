//! `palisade plan`.

use std::path::{Path, PathBuf};

use super::block_on;
use super::failure::{Exit, Failure};
use super::planning::{PlanningArgs, json, plan_environment, say_estimate, shown_json, text, write_private};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    planning: PlanningArgs,
    /// Save the plan, to be carried out with `palisade apply FILE`. It holds allowlist values in the clear
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How to print a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(crate) fn run(args: &PlanArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = args.planning.open(start)?;
    opened.require_sound(ui)?;
    let environments = opened.choose(&args.planning.environments)?;
    if args.out.is_some() && environments.len() != 1 {
        return Err(
            Failure::error("a saved plan is for one environment").help("use --out with a single -e NAME")
        );
    }
    let mut plans = Vec::new();
    let mut failed = None;
    for environment in environments {
        let planned = block_on(async {
            let planned = plan_environment(&opened, environment, &args.planning, settings, ui).await?;
            if args.format == Format::Text {
                ui.data(&text(&planned.plan, ui));
            }
            say_estimate(&planned.plan, &planned.connection, ui);
            planned.connection.close().await?;
            Ok(planned.plan)
        });
        match planned {
            Ok(plan) => plans.push(plan),
            // One environment's trouble does not hide the others' plans.
            Err(failure) => {
                ui.failure(&failure);
                failed = failed.max(Some(failure.exit));
            }
        }
    }
    if args.format == Format::Json && !plans.is_empty() {
        ui.data(&shown_json(&plans)?);
    }
    if let Some(file) = &args.planning.json_into
        && !plans.is_empty()
    {
        write_private(file, &shown_json(&plans)?)?;
    }
    if let (Some(file), [plan]) = (&args.out, plans.as_slice()) {
        write_private(file, &json(&[plan])?)?;
        ui.say(&format!("Saved. To carry out exactly this plan: palisade apply {}", file.display()));
    }
    if let Some(exit) = failed {
        return Ok(exit);
    }
    let changes = plans.iter().any(|plan| !plan.is_empty());
    Ok(if args.detailed_exitcode && changes { Exit::Changes } else { Exit::Done })
}
