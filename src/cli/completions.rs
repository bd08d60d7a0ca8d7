//! `palisade completions`: completions for shells, which know the names of the repository's environments and rules.
//!
//! The script that is printed only asks the program itself, through the variable [`VARIABLE`], whenever somebody presses
//! the key: [`answer`] runs before anything else does. Names are those of files, read without checking them, so that a
//! broken rule does not take the completions away.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Arg, Command};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use super::failure::{Exit, Failure};
use super::reference;
use super::ui::Ui;
use crate::load::find_root;

/// The shell's question comes in this variable.
const VARIABLE: &str = "PALISADE_COMPLETE";
/// Folders this deep below rules/ are looked into; `load` reads no deeper.
const DEEPEST: usize = 16;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    /// source <(palisade completions bash), in ~/.bashrc
    Bash,
    /// eval (palisade completions elvish | slurp), in rc.elv
    Elvish,
    /// palisade completions fish | source, in config.fish
    Fish,
    /// palisade completions powershell | Out-String | Invoke-Expression, in $PROFILE
    Powershell,
    /// source <(palisade completions zsh), in ~/.zshrc
    Zsh,
}

pub(crate) fn run(args: &CompletionsArgs, ui: &Ui) -> Result<Exit, Failure> {
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "palisade", "palisade", "palisade", &mut script)
        .map_err(|error| Failure::error("the script cannot be made").caused_by(&error))?;
    ui.data(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Done)
}

/// Answers a shell's question, if this run is one.
///
/// # Errors
/// The question cannot be understood or the answer not be written.
pub(crate) fn answer() -> clap::error::Result<bool> {
    let asked = CompleteEnv::with_factory(|| knowing(super::definition())).var(VARIABLE);
    asked.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref())
}

/// The command with completers on every argument that names an environment, a rule or a code, wherever it stands.
fn knowing(command: Command) -> Command {
    command
        .mut_args(|argument| match names_of(&argument) {
            Some(names) => argument.add(ArgValueCompleter::new(names)),
            None => argument,
        })
        .mut_subcommands(knowing)
}

fn names_of(argument: &Arg) -> Option<fn(&OsStr) -> Vec<CompletionCandidate>> {
    let named = argument.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str);
    match (argument.get_long(), named) {
        (Some("env"), _) | (None, Some("ENV")) => Some(environments),
        (_, Some("CODE|RULE")) => Some(codes_and_rules),
        (_, Some("RULE")) => Some(rules),
        _ => None,
    }
}

fn environments(current: &OsStr) -> Vec<CompletionCandidate> {
    let folder = root().join("environments");
    let names = entries(&folder).into_iter().filter(|path| path.join("environment.yaml").is_file());
    candidates(names.filter_map(|path| name(path.file_name())).filter(|name| !name.starts_with('_')), current)
}

fn rules(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = Vec::new();
    rules_below(&root().join("rules"), DEEPEST, &mut found);
    candidates(found.into_iter(), current)
}

fn codes_and_rules(current: &OsStr) -> Vec<CompletionCandidate> {
    // Codes are in capitals and rules in small letters: what is typed says which are meant.
    let typed = current.to_string_lossy();
    let mut found = rules(current);
    if !typed.is_empty() {
        let codes = reference::entries().into_iter().filter(|entry| entry.code.starts_with(&*typed));
        found.extend(codes.map(|entry| CompletionCandidate::new(entry.code).help(Some(entry.title.into()))));
    }
    found
}

fn rules_below(folder: &Path, deep: usize, found: &mut Vec<String>) {
    for path in entries(folder) {
        if path.is_dir() && deep > 0 {
            rules_below(&path, deep - 1, found);
        } else if path.extension() == Some(OsStr::new("yaml")) {
            found.extend(name(path.file_stem()));
        }
    }
}

fn candidates(names: impl Iterator<Item = String>, current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let mut fitting: Vec<String> = names.filter(|name| name.starts_with(&*typed)).collect();
    fitting.sort();
    fitting.into_iter().map(CompletionCandidate::new).collect()
}

/// What is in a folder that may not be there, without what `load` does not read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    found.filter(|path| name(path.file_name()).is_some_and(|name| !name.starts_with('.'))).collect()
}

fn name(part: Option<&OsStr>) -> Option<String> {
    part.and_then(OsStr::to_str).map(str::to_owned)
}

/// The repository that the line being typed is about: `-C DIR`, the variable, or here.
fn root() -> PathBuf {
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").collect();
    let after = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1).map(PathBuf::from)
    };
    let start = after("-C")
        .or_else(|| after("--directory"))
        .or_else(|| std::env::var_os("PALISADE_DIRECTORY").map(PathBuf::from))
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default();
    find_root(&start).unwrap_or(start)
}
