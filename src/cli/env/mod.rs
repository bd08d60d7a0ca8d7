//! `palisade env`: which environments there are, and their files from a table.

mod generate;
mod list;

use std::path::Path;

use super::failure::{Exit, Failure};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `env`.
#[derive(Debug, clap::Args)]
pub(crate) struct EnvArgs {
    #[command(subcommand)]
    command: EnvCommand,
}

#[derive(Debug, clap::Subcommand)]
enum EnvCommand {
    /// List the environments, also as the matrix of a build
    List(list::ListArgs),
    /// Write one small environment file for each row of a table
    Generate(generate::GenerateArgs),
}

pub(crate) fn run(args: &EnvArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    match &args.command {
        EnvCommand::List(args) => list::run(args, start, settings, ui),
        EnvCommand::Generate(args) => generate::run(args, start, ui),
    }
}
