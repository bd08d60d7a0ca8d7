//! The command line: one file per command, and what they share.
//!
//! A command reads its arguments, calls the pure functions of the library, and shows the result. It holds no business
//! rule. stdout is for data, stderr for talk (`ui`). Errors become exit codes in `failure` and nowhere else. Start with
//! [`main`], then `plan` and `apply`.

mod adopt;
mod allowlist;
mod apply;
mod audit;
mod baseline;
mod carry_out;
mod completions;
mod connection;
mod coverage;
mod diff;
mod docs;
mod doctor;
mod drift;
mod env;
mod expected;
mod explain;
mod failure;
mod files;
mod fmt;
mod git;
mod import;
mod init;
mod interrupt;
mod journal;
mod kql;
mod looking;
mod man;
mod migrate;
mod outputs;
mod plan;
mod planning;
mod progress;
mod record;
mod recording;
pub mod reference;
mod render;
mod repository;
mod sandbox;
mod saved;
mod schema;
mod selection;
mod settings;
mod show;
mod tenants;
mod test;
mod ui;
mod validate;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use failure::{Exit, Failure};
use settings::Settings;
use ui::Ui;

/// Public API (product.md §6): shown where more than done and error is possible.
const EXIT_CODES: &str = "Exit codes: 0 done · 1 error · 2 changes present (only with --detailed-exitcode) · 3 refused by a guard · 4 stale plan · \
                          5 partly applied or interrupted";

/// Detections as code: compile rules with per-environment allowlists, compare them with what is deployed to Microsoft
/// Defender XDR and Microsoft Sentinel, and push what differs.
#[derive(Debug, Parser)]
#[command(
    name = "palisade",
    version,
    max_term_width = 110,
    propagate_version = true,
    disable_help_subcommand = true
)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command. Under a heading of their own, so that a command's own options stand together.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// Look for the detection repository here instead of the current folder
    #[arg(short = 'C', long, global = true, value_name = "DIR", env = "PALISADE_DIRECTORY")]
    directory: Option<PathBuf>,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    color: ColorChoice,
    /// Never ask; fail where an answer would be needed
    #[arg(long, global = true)]
    no_input: bool,
    /// Say only what is necessary
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Trace every request and answer, without bodies and secrets (twice: more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    /// When the output is a terminal and NO_COLOR is not set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a detection repository to begin with, or pipelines for one
    Init(init::InitArgs),
    /// Show what an apply would change, without changing anything
    #[command(after_help = EXIT_CODES)]
    Plan(plan::PlanArgs),
    /// Carry out a plan: a saved one, or a new one after confirmation
    #[command(after_help = EXIT_CODES)]
    Apply(apply::ApplyArgs),
    /// Show a saved plan
    Show(show::ShowArgs),
    /// Show what was changed outside of Palisade since it was last applied
    #[command(after_help = EXIT_CODES)]
    Drift(drift::DriftArgs),
    /// Check the way to each environment: network, clock, sign-in, permissions, limits; writes nothing
    Doctor(doctor::DoctorArgs),
    /// Compare the rules of two environments, or what an environment holds with what its files say
    #[command(after_help = EXIT_CODES)]
    Diff(diff::DiffArgs),
    /// Write the ownership marker into rules that their files pin by id, and nothing else
    #[command(after_help = EXIT_CODES)]
    Adopt(adopt::AdoptArgs),
    /// Write custom detections in the shape that Graph retired on 2026-10-01 anew: deployed ones, or files
    Migrate(migrate::MigrateArgs),
    /// Check the record of every apply
    Audit(audit::AuditArgs),
    /// Check every file offline and compile every environment
    Validate(validate::ValidateArgs),
    /// Play the cases of rules: events, and what each compiled query must make of them
    Test(test::TestArgs),
    /// Turn result rows of a hunting query into a case
    Record(recording::RecordArgs),
    /// Print the exact query and payload that would be sent for a rule
    Render(render::RenderArgs),
    /// Explain a diagnostic's code, or a rule: the effective query, and where each of its lines came from
    Explain(explain::ExplainArgs),
    /// List environments, also as the matrix of a build, and write their files from a table
    Env(env::EnvArgs),
    /// Show which ATT&CK techniques each environment watches
    Coverage(coverage::CoverageArgs),
    /// Write the catalogue of detections for people to read
    Docs(docs::DocsArgs),
    /// Write rule files for what exists already
    Import(import::ImportArgs),
    /// Lay out YAML files in one way, comments kept, queries untouched
    Fmt(fmt::FmtArgs),
    /// Look at, question and change allowlists
    Allowlist(allowlist::AllowlistArgs),
    /// Check, format and inspect KQL queries in files and pipes
    Kql(kql::KqlArgs),
    /// Print the JSON Schemas of files and plans, or read the tables of an environment from its tenant
    Schema(schema::SchemaArgs),
    /// Run and operate the local tenant of `cloud: sandbox`
    Sandbox(sandbox::SandboxArgs),
    /// Print the script by which a shell completes commands, environments and rules
    Completions(completions::CompletionsArgs),
    /// Print or write manual pages
    Man(man::ManArgs),
    /// Print the version
    Version(version::VersionArgs),
}

/// Parses the arguments, runs the command, and turns its outcome into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    match completions::answer() {
        Ok(false) => {}
        Ok(true) => return Exit::Done.into(),
        Err(error) => {
            let _ = error.print();
            return Exit::Error.into();
        }
    }
    let settings = Settings::from_process();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // clap uses 2 for usage errors; here 2 means "changes present" and nothing else.
            return if error.use_stderr() { Exit::Error.into() } else { Exit::Done.into() };
        }
    };
    let ui = Ui::new(&cli.global, &settings);
    settings::start_tracing(cli.global.verbose);
    match run(&cli, &settings, &ui) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            ui.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(cli: &Cli, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let start = repository::start_folder(cli.global.directory.as_deref())?;
    match &cli.command {
        Command::Init(args) => init::run(args, &start, settings, ui),
        Command::Plan(args) => plan::run(args, &start, settings, ui),
        Command::Apply(args) => apply::run(args, &start, settings, ui),
        Command::Diff(args) => diff::run(args, &start, settings, ui),
        Command::Doctor(args) => doctor::run(args, &start, settings, ui),
        Command::Drift(args) => drift::run(args, &start, settings, ui),
        Command::Adopt(args) => adopt::run(args, &start, settings, ui),
        Command::Migrate(args) => migrate::run(args, &start, settings, ui),
        Command::Audit(args) => audit::run(args, &start, ui),
        Command::Show(args) => show::run(args, ui),
        Command::Validate(args) => validate::run(args, &start, settings, ui),
        Command::Test(args) => test::run(args, &start, settings, ui),
        Command::Record(args) => recording::run(args, &start, settings, ui),
        Command::Render(args) => render::run(args, &start, settings, ui),
        Command::Explain(args) => explain::run(args, &start, settings, ui),
        Command::Env(args) => env::run(args, &start, settings, ui),
        Command::Coverage(args) => coverage::run(args, &start, settings, ui),
        Command::Docs(args) => docs::run(args, &start, settings, ui),
        Command::Import(args) => import::run(args, &start, settings, ui),
        Command::Fmt(args) => fmt::run(args, &start, ui),
        Command::Allowlist(args) => allowlist::run(args, &start, settings, ui),
        Command::Kql(args) => kql::run(args, ui),
        Command::Schema(args) => schema::run(args, &start, settings, ui),
        Command::Sandbox(args) => {
            let root = crate::load::find_root(&start).unwrap_or(start);
            block_on(async { Ok(sandbox::run(args, &root, &mut std::io::stdout()).await?) })?;
            Ok(Exit::Done)
        }
        Command::Completions(args) => completions::run(args, ui),
        Command::Man(args) => man::run(args, ui),
        Command::Version(args) => version::run(args, ui),
    }
}

/// The clap definition, for completions and tests.
#[must_use]
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Runs a future on a runtime of its own: only commands that talk to the network start one.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::error(format!("the runtime could not be started: {error}")))?
        .block_on(future)
}
