//! `palisade migrate`: custom detections in the shape that Graph retired on 2026-10-01, written anew in the present one.
//!
//! Deployed ones by way of a plan, with everything that holds for plans; [`files`] where they lie.

mod files;

use std::path::{Path, PathBuf};

use super::apply::{self, ApplyArgs};
use super::failure::{Exit, Failure};
use super::plan::{self, Format, PlanArgs};
use super::planning::{CredentialArg, PlanningArgs};
use super::repository::EnvironmentArgs;
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `migrate`.
#[derive(Debug, clap::Args)]
pub(crate) struct MigrateArgs {
    /// Files to rewrite, or folders whose .json, .yaml and .yml files are meant: rules as Graph had them, templates, rule files
    #[arg(value_name = "PATH", conflicts_with_all = ["all_envs", "ring"])]
    paths: Vec<PathBuf>,
    /// Rewrite the files; without it only the difference is shown
    #[arg(long, conflicts_with_all = ["all_envs", "ring"])]
    write: bool,
    #[command(flatten)]
    environments: EnvironmentArgs,
    #[command(flatten)]
    live: LiveArgs,
}

/// Options for deployed rules.
#[derive(Debug, clap::Args)]
struct LiveArgs {
    /// Consider only these rules: a rule id, an address, or a glob of either (repeatable)
    #[arg(long, value_name = "GLOB", conflicts_with = "paths")]
    target: Vec<String>,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "paths")]
    dry_run: bool,
    /// Do nothing, and save the plan, to be carried out with `palisade apply FILE`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "auto_approve", "report"])]
    out: Option<PathBuf>,
    /// Do not ask for confirmation
    #[arg(long, conflicts_with = "paths")]
    auto_approve: bool,
    /// Approve changes to this percentage of the deployed rules for this run
    #[arg(long, value_name = "N", conflicts_with = "paths")]
    max_change_percent: Option<u32>,
    /// How to print what --dry-run or --out show
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also write the plan as JSON to this file
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    json_into: Option<PathBuf>,
    /// Write what was done, by whom and with which result to this file, as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "paths"])]
    report: Option<PathBuf>,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::planning::credential_help())]
    credential: CredentialArg,
}

pub(crate) fn run(args: &MigrateArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let live = &args.live;
    if !args.paths.is_empty() {
        return files::run(&args.paths, args.write, live.format, start, ui);
    }
    if args.write {
        return Err(Failure::error("--write is for files").help("name the files or folders to rewrite"));
    }
    let planning = PlanningArgs {
        environments: args.environments.clone(),
        target: live.target.clone(),
        only_migrate: true,
        max_change_percent: live.max_change_percent,
        credential: live.credential,
        json_into: live.json_into.clone(),
        ..PlanningArgs::default()
    };
    if live.dry_run || live.out.is_some() {
        let plan = PlanArgs::of(planning, live.format).into_file(live.out.clone());
        return plan::run(&plan, start, settings, ui);
    }
    apply::run(&ApplyArgs::of(planning, live.auto_approve, live.report.clone()), start, settings, ui)
}
