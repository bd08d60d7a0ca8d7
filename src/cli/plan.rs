//! `palisade plan`.

use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;

use super::block_on;
use super::failure::{Exit, Failure};
use super::outputs;
use super::planning::{PlanningArgs, json, plan_environment, shown_json, text, write_private};
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
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
}

impl PlanArgs {
    /// Only what to plan and how to print it.
    pub(crate) const fn of(planning: PlanningArgs, format: Format) -> Self {
        let format = match format {
            Format::Text => PlanFormat::Text,
            Format::Json => PlanFormat::Json,
        };
        Self { planning, out: None, detailed_exitcode: false, format }
    }

    /// The same, saved to a file.
    pub(crate) fn into_file(self, out: Option<PathBuf>) -> Self {
        Self { out, ..self }
    }
}

/// How to print a plan, or drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For a comment or a step summary, at most --max-bytes long
    Markdown,
}

/// How to print an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(crate) fn run(args: &PlanArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    args.planning.check_outputs()?;
    outputs::writable([&args.out])?;
    let opened = args.planning.open(start)?;
    opened.require_sound(ui)?;
    let environments = args.planning.choose(&opened, settings, ui)?;
    if args.out.is_some() && environments.len() != 1 {
        return Err(
            Failure::error("a saved plan is for one environment").help("use --out with a single -e NAME")
        );
    }
    let mut plans = Vec::new();
    let mut findings = Diagnostics::default();
    let mut failed = None;
    for environment in environments {
        let planned = block_on(async {
            let planned = plan_environment(&opened, environment, &args.planning, settings, ui).await?;
            if args.format == PlanFormat::Text {
                ui.data(&text(&planned.plan, ui));
            }
            planned.connection.close().await?;
            Ok((planned.plan, planned.findings))
        });
        match planned {
            Ok((plan, found)) => {
                findings.extend(found);
                plans.push(plan);
            }
            // One environment's trouble does not hide the others' plans.
            Err(failure) => {
                ui.failure(&failure);
                failed = failed.max(Some(failure.exit));
            }
        }
    }
    // No environment that changed is an answer too; one that failed is none.
    let answered = failed.is_none() || !plans.is_empty();
    match args.format {
        PlanFormat::Json if answered => ui.data(&shown_json(&plans)?),
        PlanFormat::Markdown if answered => {
            ui.data(&outputs::plans_markdown(&plans, args.planning.markdown.max_bytes).text);
        }
        _ => {}
    }
    if answered {
        args.planning.write_outputs(&plans, findings, &opened, ui)?;
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
