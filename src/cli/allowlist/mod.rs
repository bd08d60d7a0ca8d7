//! `palisade allowlist`: look at, question and change allowlists. One file per command; `change` is what `add` and
//! `expire` share: a changed file is read and compiled before it is written.

pub(super) mod add;
mod audit;
mod change;
mod expire;
mod list;
mod table;
mod why;

use std::path::Path;

use clap::Subcommand;

use super::failure::{Exit, Failure};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `allowlist`.
#[derive(Debug, clap::Args)]
pub(crate) struct AllowlistArgs {
    #[command(subcommand)]
    command: AllowlistCommand,
}

#[derive(Debug, Subcommand)]
enum AllowlistCommand {
    /// Every entry: until when, how strong, whose, and the rules and environments that it touches
    List(list::ListArgs),
    /// What is wrong with entries across all environments; fails on expired entries and errors
    Audit(audit::AuditArgs),
    /// Which entry would silence an event, and why the others would not
    Why(why::WhyArgs),
    /// Add an entry to the right file, comments and order kept; `--ttl 24h` mutes
    Add(add::AddArgs),
    /// End an entry today
    Expire(expire::ExpireArgs),
}

pub(crate) fn run(args: &AllowlistArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    match &args.command {
        AllowlistCommand::List(args) => list::run(args, start, settings, ui),
        AllowlistCommand::Audit(args) => audit::run(args, start, settings, ui),
        AllowlistCommand::Why(args) => why::run(args, start, settings, ui),
        AllowlistCommand::Add(args) => add::run(args, start, settings, ui),
        AllowlistCommand::Expire(args) => expire::run(args, start, settings, ui),
    }
}
