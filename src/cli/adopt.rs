//! `palisade adopt`: rules that a file pins by the platform's id get our marker, and nothing else changes.

use std::path::{Path, PathBuf};

use super::apply::{self, ApplyArgs};
use super::failure::{Exit, Failure};
use super::plan::{self, Format, PlanArgs};
use super::planning::{CredentialArg, PlanningArgs};
use super::repository::EnvironmentArgs;
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `adopt`.
#[derive(Debug, clap::Args)]
pub(crate) struct AdoptArgs {
    /// Adopt only these rules: a rule id, an address, or a glob of either
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    auto_approve: bool,
    /// How to print what --dry-run shows
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "dry_run")]
    format: Format,
    /// Also write the plan as JSON to this file
    #[arg(long, value_name = "FILE")]
    json_into: Option<PathBuf>,
    /// Write what was done, by whom and with which result to this file, as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    report: Option<PathBuf>,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::planning::credential_help())]
    credential: CredentialArg,
}

pub(crate) fn run(args: &AdoptArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let planning = PlanningArgs {
        environments: args.environments.clone(),
        target: args.rules.clone(),
        only_adopt: true,
        credential: args.credential,
        json_into: args.json_into.clone(),
        ..PlanningArgs::default()
    };
    if args.dry_run {
        return plan::run(&PlanArgs::of(planning, args.format), start, settings, ui);
    }
    apply::run(&ApplyArgs::of(planning, args.auto_approve, args.report.clone()), start, settings, ui)
}
