//! `palisade import`: rules that exist already become rule files. One file per source; `report` says what became of everything.

mod files;
mod report;

use std::path::Path;

use clap::Subcommand;

use super::failure::{Exit, Failure};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    command: ImportCommand,
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Rules of other tools and formats, recognised by what the files hold
    Files(files::FilesArgs),
}

pub(crate) fn run(args: &ImportArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    match &args.command {
        ImportCommand::Files(args) => files::run(args, start, settings, ui),
    }
}
