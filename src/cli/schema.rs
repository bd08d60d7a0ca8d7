//! `palisade schema`: the JSON Schemas of files and plans, for editors and programs; and `schema pull`, the tables of an
//! environment, read from its tenant and kept beside it, so that queries over them are checked offline. The tenant is only
//! read; a file that says something else is replaced only with `--force`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::block_on;
use super::connection::{Connection, connect};
use super::failure::{Exit, Failure};
use super::planning::CredentialArg;
use super::repository::{EnvironmentArgs, open};
use super::settings::Settings;
use super::ui::Ui;
use crate::formats::{Format, schema};
use crate::kql::schema::{Platform, Schema};
use crate::model::environment::Environment;
use crate::model::pulled::Pulled;
use crate::render::safe;

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    command: SchemaCommand,
}

#[derive(Debug, Subcommand)]
enum SchemaCommand {
    /// Write what the tenant has besides the built-in tables to environments/ENV/schema/PLATFORM.json
    Pull(PullArgs),
    /// Print the JSON Schema of palisade.yaml
    Project,
    /// Print the JSON Schema of rule files
    Rule,
    /// Print the JSON Schema of environment files
    Environment,
    /// Print the JSON Schema of allowlists
    Allowlist,
    /// Print the JSON Schema of watchlists
    Watchlist,
    /// Print the JSON Schema of files of cases
    Cases,
    /// Print the JSON Schema of plans as `plan --json-into`, `--format json` and `--out` write them
    Plan,
    /// Write the JSON Schemas of all files people write to a folder, for an editor to use
    Write(WriteArgs),
}

#[derive(Debug, Args)]
struct WriteArgs {
    /// The folder; one file for each kind, project.json, rule.json, …
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace files that say something else
    #[arg(long)]
    force: bool,
}

/// The format of plans, for programs that read them. A test holds it to what is written.
const PLAN_SCHEMA: &str = include_str!("../../docs/schema/plan-1.0.json");

#[derive(Debug, Args)]
struct PullArgs {
    /// The environment to read
    #[arg(short = 'e', long = "env", value_name = "NAME", env = "PALISADE_ENV")]
    environment: Option<String>,
    /// Read only this platform
    #[arg(long, value_enum, value_name = "PLATFORM")]
    platform: Option<Source>,
    /// Write to this folder instead of the environment's own
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Replace files that say something else
    #[arg(long)]
    force: bool,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::planning::credential_help())]
    credential: CredentialArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Source {
    /// Tables and functions of the environment's Log Analytics workspaces
    Sentinel,
    /// Tables of advanced hunting in Microsoft Defender XDR
    Xdr,
}

impl Source {
    const fn file(self) -> &'static str {
        match self {
            Self::Sentinel => "sentinel.json",
            Self::Xdr => "xdr.json",
        }
    }
}

/// A file to be written.
struct Output {
    path: PathBuf,
    text: String,
    summary: String,
}

pub(crate) fn run(args: &SchemaArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let format = match &args.command {
        SchemaCommand::Pull(args) => return pull_all(args, start, settings, ui),
        SchemaCommand::Write(args) => return write_schemas(args, ui),
        SchemaCommand::Plan => {
            ui.data(PLAN_SCHEMA.trim_end());
            return Ok(Exit::Done);
        }
        SchemaCommand::Project => Format::Project,
        SchemaCommand::Rule => Format::Rule,
        SchemaCommand::Environment => Format::Environment,
        SchemaCommand::Allowlist => Format::Allowlist,
        SchemaCommand::Watchlist => Format::Watchlist,
        SchemaCommand::Cases => Format::Cases,
    };
    ui.data(&text(format));
    Ok(Exit::Done)
}

fn text(format: Format) -> String {
    format!("{:#}", schema(format))
}

fn write_schemas(args: &WriteArgs, ui: &Ui) -> Result<Exit, Failure> {
    let outputs = Format::ALL.map(|(word, format, _)| Output {
        path: args.folder.join(format!("{word}.json")),
        text: format!("{}\n", text(format)),
        summary: format!("JSON Schema of {word} files"),
    });
    save(&outputs, args.force, Path::new(""), ui)?;
    Ok(Exit::Done)
}

fn pull_all(args: &PullArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let named = args.environment.iter().cloned().collect();
    let chosen = opened.choose(&EnvironmentArgs { environments: named, ..EnvironmentArgs::default() })?;
    for environment in chosen {
        let own = || opened.root.join("environments").join(&environment.name).join("schema");
        let folder = args.out_dir.clone().unwrap_or_else(own);
        let outputs = block_on(pull(environment, &opened.root, &folder, args, settings, ui))?;
        save(&outputs, args.force, &opened.root, ui)?;
    }
    Ok(Exit::Done)
}

/// Writes what differs and says so. All files are looked at before the first is written.
fn save(outputs: &[Output], force: bool, root: &Path, ui: &Ui) -> Result<(), Failure> {
    let changed: Vec<bool> = outputs.iter().map(|output| differs(output, force)).collect::<Result<_, _>>()?;
    for (output, changed) in outputs.iter().zip(changed) {
        if changed {
            write(&output.path, &output.text)?;
        }
        let what = if changed { "Wrote" } else { "Unchanged:" };
        let path = safe::line(&shown(&output.path, root));
        ui.data(&format!("{what} {path} ({})", output.summary));
    }
    Ok(())
}

/// Reads what was asked for, one file for each platform.
async fn pull(
    environment: &Environment,
    root: &Path,
    folder: &Path,
    args: &PullArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<Vec<Output>, Failure> {
    // Nobody has to sign in to a platform that is not read.
    let mut wanted = environment.clone();
    match args.platform {
        Some(Source::Sentinel) => wanted.defender = None,
        Some(Source::Xdr) => wanted.sentinel.clear(),
        None => {}
    }
    if wanted.defender.is_none() && wanted.sentinel.is_empty() {
        return Err(Failure::error(format!("`{}` has no such platform", environment.name))
            .help("`defender:` and `sentinel:` of the environment file say which it has"));
    }
    let connection = connect(&wanted, false, root, args.credential.0, settings).await?;
    let outputs = read(&wanted, &connection, folder, ui).await;
    connection.close().await?;
    outputs
}

async fn read(
    environment: &Environment,
    connection: &Connection,
    folder: &Path,
    ui: &Ui,
) -> Result<Vec<Output>, Failure> {
    let reader = connection.schema_reader();
    let mut outputs = Vec::new();
    if !environment.sentinel.is_empty() {
        let (mut pulled, mut count) = (Pulled::new(Platform::Sentinel), 0);
        for workspace in &environment.sentinel {
            let found = reader.workspace(&workspace.value).await?;
            count += found.tables.len();
            found.tables.iter().for_each(|table| pulled.add_table(&table.name, &table.columns));
            found.functions.iter().for_each(|(name, parameters)| pulled.add_function(name, parameters));
        }
        outputs.push(output(folder, Source::Sentinel, &pulled, &format!("of {count}")));
    }
    if environment.defender.is_some() {
        let schema = Schema::built_in(Platform::Xdr);
        let names = schema.table_names();
        ui.say(&format!("Asking Defender for the columns of {} tables, at most 40 a minute.", names.len()));
        let found = reader.hunting(&names).await?;
        let mut pulled = Pulled::new(Platform::Xdr);
        found.tables.iter().for_each(|table| pulled.add_table(&table.name, &table.columns));
        let seen =
            format!("of {}; {} known ones are not in this tenant", found.tables.len(), found.absent.len());
        outputs.push(output(folder, Source::Xdr, &pulled, &seen));
    }
    Ok(outputs)
}

fn output(folder: &Path, source: Source, pulled: &Pulled, seen: &str) -> Output {
    let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (tables, functions) = pulled.counts();
    Output {
        path: folder.join(source.file()),
        text: pulled.to_json(),
        summary: format!(
            "{} not built in or not as built in, {seen}; {}",
            counted(tables, "table"),
            counted(functions, "function")
        ),
    }
}

/// Whether the file has to be written; an error when it holds something else that may be somebody's work.
fn differs(output: &Output, force: bool) -> Result<bool, Failure> {
    match std::fs::read_to_string(&output.path) {
        Ok(text) if text == output.text => Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Ok(_) | Err(_) if force => Ok(true),
        Ok(_) => Err(Failure::error(format!(
            "`{}` says something else; nothing was written",
            output.path.display()
        ))
        .help("replace it with --force, or write beside it with --out-dir and compare")),
        Err(error) => {
            Err(Failure::error(format!("`{}` cannot be read", output.path.display())).caused_by(&error))
        }
    }
}

/// Writes the whole file or nothing: the loader never sees half of it.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let fresh = path.with_extension(format!("json.{}", std::process::id()));
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&fresh, text))
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(|error| {
            let _ = std::fs::remove_file(&fresh);
            Failure::error(format!("`{}` cannot be written", path.display())).caused_by(&error)
        })
}

/// A path as people see it from the repository's root.
fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
