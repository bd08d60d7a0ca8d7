//! `palisade import`: what exists becomes rule files.

mod extract;
mod files;
mod live;
mod output;
mod report;
mod tuning;

use std::path::Path;

use super::failure::{Exit, Failure};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    command: ImportCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ImportCommand {
    /// Write a rule file for every rule that an environment has and no file stands for
    Live(live::LiveArgs),
    /// Write a rule file for every rule in files of other tools and formats
    Files(files::FilesArgs),
}

pub(crate) fn run(args: &ImportArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    match &args.command {
        ImportCommand::Live(args) => live::run(args, start, settings, ui),
        ImportCommand::Files(args) => files::run(args, start, settings, ui),
    }
}
