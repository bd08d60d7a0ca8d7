//! `palisade kql`: what Palisade knows about KQL, for plain files and pipes, without a detection repository.
//!
//! `check` says what is wrong and what could be better, `format` lays a query out, `ast` prints its tree, `columns` what it
//! returns. Verdicts are the parser's and the binder's own (`kql::verdict`); nothing here knows rules.

mod check;
mod input;
mod jsonl;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::failure::{Exit, Failure};
use super::ui::Ui;
use crate::kql::schema::{Platform, SchemaSource};
use crate::kql::verdict::Schemas;

/// Arguments of `kql`.
#[derive(Debug, Args)]
pub(crate) struct KqlArgs {
    #[command(subcommand)]
    command: KqlCommand,
}

#[derive(Debug, Subcommand)]
enum KqlCommand {
    /// Check queries: errors, advice and cost
    Check(check::CheckArgs),
    /// Lay queries out: one step a line, strings and comments untouched
    Format(show::FormatArgs),
    /// Print the syntax tree
    Ast(show::AstArgs),
    /// Print the columns that a query returns, with their types
    Columns(show::ColumnsArgs),
}

/// What queries are bound to.
#[derive(Debug, Args)]
struct SchemaArgs {
    /// Where the queries run
    #[arg(long, value_enum, value_name = "PLATFORM", default_value_t = PlatformName::Unified)]
    platform: PlatformName,
    /// Tables and functions to know besides the built-in ones, as JSON (repeatable)
    #[arg(long, value_name = "FILE")]
    schema: Vec<PathBuf>,
}

/// The platforms by name. `unified`, the default, knows the tables of both others: the fewest false alarms for a query of
/// unknown origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlatformName {
    /// Microsoft Sentinel: a Log Analytics workspace
    Sentinel,
    /// Microsoft Defender XDR: advanced hunting and custom detections
    Xdr,
    /// The unified portal: both
    Unified,
}

impl From<PlatformName> for Platform {
    fn from(name: PlatformName) -> Self {
        match name {
            PlatformName::Sentinel => Self::Sentinel,
            PlatformName::Xdr => Self::Xdr,
            PlatformName::Unified => Self::Unified,
        }
    }
}

impl SchemaArgs {
    fn platform(&self) -> Platform {
        self.platform.into()
    }

    /// The schemas with those of the files added.
    fn schemas(&self) -> Result<Schemas, Failure> {
        let mut sources = Vec::new();
        for path in &self.schema {
            let text = input::read(path)?.text;
            sources.push(SchemaSource::from_json(&text).map_err(|error| {
                Failure::error(format!("`{}` is no schema: {error}", path.display())).help(
                    "the form is {\"tables\": {\"App_CL\": {\"User_s\": \"string\"}}, \"functions\": []}",
                )
            })?);
        }
        Ok(Schemas::new(&sources))
    }
}

pub(crate) fn run(args: &KqlArgs, ui: &Ui) -> Result<Exit, Failure> {
    match &args.command {
        KqlCommand::Check(args) => check::run(args, ui),
        KqlCommand::Format(args) => show::format(args, ui),
        KqlCommand::Ast(args) => show::ast(args, ui),
        KqlCommand::Columns(args) => show::columns(args, ui),
    }
}
