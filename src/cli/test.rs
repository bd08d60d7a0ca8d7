//! `palisade test`: every case of every rule, against each environment's compiled query and against the bare rule.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::address::matches_glob;
use crate::compile::{Analyses, compile_with};
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::load::PROJECT_FILE;
use crate::model::environment::Environment;
use crate::render::{cases, diagnostics};
use crate::verify::{Bare, Outcome, Verifier};

use super::failure::{Exit, Failure};
use super::repository::{EnvironmentArgs, Opened, open};
use super::settings::Settings;
use super::ui::Ui;

/// How often `--watch` looks.
const PAUSE: Duration = Duration::from_millis(300);

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// Only these rules: an id or a glob
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// How to print the outcomes
    #[arg(long, value_enum, default_value_t = TestFormat::Text)]
    format: TestFormat,
    /// Also write the outcomes as JUnit to this file
    #[arg(long, value_name = "FILE")]
    junit_into: Option<PathBuf>,
    /// Also show each query with the conditions that the cases exercised
    #[arg(long)]
    coverage: bool,
    /// Run again whenever a file changes
    #[arg(long)]
    watch: bool,
}

/// How to print outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TestFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For build agents
    Junit,
}

pub(crate) fn run(args: &TestArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    if !args.watch {
        return once(args, start, settings, ui);
    }
    let root = crate::load::find_root(start).unwrap_or_else(|| start.to_path_buf());
    loop {
        let seen = state_of(&root);
        match once(args, start, settings, ui) {
            Ok(_) => {}
            Err(failure) => ui.failure(&failure),
        }
        ui.say("Watching for changes; Ctrl-C ends it.");
        while state_of(&root) == seen {
            std::thread::sleep(PAUSE);
        }
    }
}

fn once(args: &TestArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    opened.require_sound(ui)?;
    let environments: Vec<&Environment> = opened.select_or_all(&args.environments, ui)?;
    require_rules(&opened, &args.rules)?;
    let wanted = |rule: &str| args.rules.is_empty() || args.rules.iter().any(|glob| matches_glob(glob, rule));
    let (repository, today) = (&opened.repository, settings.today()?);
    let analyses = Analyses::default();
    let verifier = Verifier::new(repository, &analyses, today);

    let mut problems = verifier.mistakes(&wanted);
    let mut outcomes: Vec<Outcome<'_>> = Vec::new();
    for environment in environments {
        let (desired, found) = compile_with(&analyses, repository, environment, today);
        problems.extend(errors(found));
        outcomes.extend(verifier.play(environment, &desired, &wanted));
    }
    let bare = Bare::of(repository, &analyses, today);
    if let Some(bare) = &bare {
        outcomes.extend(verifier.play_bare(bare, &wanted));
    }
    problems.settle(&repository.sources);
    if !problems.is_empty() {
        let text = diagnostics::text(&problems, &repository.sources, ui.err.color, ui.width);
        ui.tell(text.trim_end());
    }
    match args.format {
        TestFormat::Text => ui.data(&cases::text(&outcomes, ui.out)),
        TestFormat::Json => ui.json(&cases::json(&outcomes)),
        TestFormat::Junit => ui.data(&cases::junit(&outcomes)),
    }
    if let Some(path) = &args.junit_into {
        std::fs::write(path, cases::junit(&outcomes)).map_err(|error| {
            Failure::error(format!("`{}` cannot be written", path.display())).caused_by(&error)
        })?;
    }
    if args.coverage
        && let Some(bare) = &bare
    {
        let text = cases::coverage(&verifier.coverage(bare, &wanted), ui.out);
        // Beside data for programs, it is talk.
        if args.format == TestFormat::Text { ui.data(&text) } else { ui.tell(text.trim_end()) }
    }
    finish(args, &outcomes, &problems, ui)
}

fn finish(
    args: &TestArgs,
    outcomes: &[Outcome<'_>],
    problems: &Diagnostics,
    ui: &Ui,
) -> Result<Exit, Failure> {
    if outcomes.is_empty() {
        let help = "write cases under `tests:` of the rule or into tests/RULE.yaml; docs/guides/testing.md shows how";
        if args.rules.is_empty() {
            ui.say(&format!("No rule has cases: {help}."));
            return Ok(if problems.has_errors() { Exit::Error } else { Exit::Done });
        }
        return Err(Failure::error("these rules have no cases").help(help));
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    let mut rules: Vec<&str> = outcomes.iter().map(|outcome| outcome.rule.as_str()).collect();
    rules.dedup();
    rules.sort_unstable();
    rules.dedup();
    let mut names: Vec<(&str, &str)> =
        outcomes.iter().map(|outcome| (outcome.rule.as_str(), outcome.case.name.value.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    ui.say(&format!(
        "{} of {}, played {} times: {} passed, {failed} failed.",
        counted(names.len(), "case"),
        counted(rules.len(), "rule"),
        outcomes.len(),
        outcomes.len() - failed
    ));
    Ok(if failed > 0 || problems.has_errors() { Exit::Error } else { Exit::Done })
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// A misspelt rule would look like success.
fn require_rules(opened: &Opened, globs: &[String]) -> Result<(), Failure> {
    let ids = || opened.repository.rules.iter().map(|rule| rule.id.as_str());
    let Some(glob) = globs.iter().find(|glob| !ids().any(|id| matches_glob(glob, id))) else { return Ok(()) };
    let failure = Failure::error(format!("`{glob}` fits no rule"));
    Err(match did_you_mean(glob, ids()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("rule ids are the names of the files under rules/"),
    })
}

fn errors(found: Diagnostics) -> Diagnostics {
    let is_error =
        |finding: &crate::diagnostic::Diagnostic| finding.severity == crate::diagnostic::Severity::Error;
    found.into_iter().filter(is_error).collect()
}

/// Every file that a run may read, with its time and size.
fn state_of(root: &Path) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let mut state = BTreeMap::new();
    let mut folders = vec![root.join("rules"), root.join("environments"), root.join("tests")];
    let note = |path: PathBuf, state: &mut BTreeMap<_, _>| {
        if let Ok(facts) = std::fs::metadata(&path) {
            state.insert(path, (facts.modified().ok(), facts.len()));
        }
    };
    note(root.join(PROJECT_FILE), &mut state);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let hidden = entry.file_name().as_encoded_bytes().first() == Some(&b'.');
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !hidden => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => note(entry.path(), &mut state),
                _ => {}
            }
        }
    }
    state
}
