//! Opening the detection repository and compiling environments, with everything wrong shown at once.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::compile::{Analyses, Desired, compile_with};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Repository;
use crate::model::environment::Environment;
use crate::plan::Affected;
use crate::plan::affected::between;
use crate::render::safe;
use crate::verify::Attacks;

use super::failure::{Exit, Failure};
use super::selection::list;
use super::ui::Ui;

pub(crate) use super::selection::EnvironmentArgs;

/// A repository that was read.
pub(crate) struct Opened {
    pub(crate) root: PathBuf,
    pub(crate) repository: Repository,
    pub(crate) diagnostics: Diagnostics,
    /// An earlier state that a plan is limited to the difference from, with the name of its revision.
    pub(crate) since: Option<(String, Repository)>,
    /// What is known of its queries: environments that compile a rule to the same text cost one analysis.
    pub(crate) analyses: Analyses,
    /// What attacks made of them.
    pub(crate) attacks: Attacks,
}

/// Where to begin to look for a repository.
pub(crate) fn start_folder(directory: Option<&Path>) -> Result<PathBuf, Failure> {
    let start = match directory {
        Some(directory) => directory.to_path_buf(),
        None => std::env::current_dir()
            .map_err(|error| Failure::error("the current folder cannot be read").caused_by(&error))?,
    };
    if start.is_dir() {
        return Ok(start);
    }
    Err(Failure::error(format!("`{}` is not a folder", start.display()))
        .help("give the folder of your detection repository with -C"))
}

/// Reads the repository that `start` lies in.
pub(crate) fn open(start: &Path) -> Result<Opened, Failure> {
    let Some(root) = crate::load::find_root(start) else {
        return Err(Failure::error(format!(
            "no {} in `{}` or above it",
            crate::load::PROJECT_FILE,
            start.display()
        ))
        .help("change to your detection repository, or name it with -C DIR"));
    };
    let (repository, diagnostics) = crate::load::load(&root);
    Ok(Opened::of(root, repository, diagnostics))
}

/// Reads the repository that `start` lies in as it was at a git revision. Everything but the files (the sandbox's state,
/// the journal, certificates) stays where it is.
pub(crate) fn open_at(start: &Path, revision: &str) -> Result<Opened, Failure> {
    let Some(root) = crate::load::find_root(start) else { return open(start) };
    let snapshot = super::git::Snapshot::read(&root, revision)?;
    let (repository, diagnostics) = crate::load::load(snapshot.path());
    Ok(Opened::of(root, repository, diagnostics))
}

impl Opened {
    fn of(root: PathBuf, repository: Repository, diagnostics: Diagnostics) -> Self {
        let (analyses, attacks) = (Analyses::default(), Attacks::default());
        Self { root, repository, diagnostics, since: None, analyses, attacks }
    }

    /// Whether the watchlists of the environment's workspaces are ours to look at: it has some, or says `watchlists:`, so that
    /// those it had are found and deleted. Without, they are never asked for.
    pub(crate) fn has_watchlists(&self, environment: &Environment) -> bool {
        environment.watchlists.is_some()
            || self.repository.watchlists.iter().any(|list| environment.takes_watchlist(list))
    }

    /// Compares with the repository as of a git revision from now on: [`Self::affected`], [`Self::changed`].
    pub(crate) fn compare_with(&mut self, start: &Path, revision: &str) -> Result<(), Failure> {
        let then = open_at(start, revision)?;
        if then.diagnostics.has_errors() {
            return Err(Failure::error(format!("the repository as of {revision} has errors itself"))
                .help("choose a revision in which `palisade validate` succeeds"));
        }
        self.since = Some((revision.to_owned(), then.repository));
        Ok(())
    }

    /// What the files change in an environment since the revision that was asked for, by comparing what both compile to: a
    /// comment changes nothing, a shared list, a parameter or a setting may change many rules. An environment that was
    /// another tenant, workspace or owner then is a new one.
    pub(crate) fn affected(&self, environment: &Environment, today: Date) -> Option<(String, Affected)> {
        let (revision, then) = self.since.as_ref()?;
        let now = compile_with(&self.analyses, &self.repository, environment, today).0;
        let before = then.environments.iter().find(|known| environment.is_same_place(known));
        let before = before
            .map(|environment| compile_with(&self.analyses, then, environment, today).0)
            .unwrap_or_default();
        Some((revision.clone(), between(&now.resources, &before.resources)))
    }

    /// Of these environments, those in which something changed since the revision that was asked for; the others are told,
    /// and nothing more is done about them.
    pub(crate) fn changed<'o>(
        &'o self,
        chosen: Vec<&'o Environment>,
        today: Date,
        ui: &Ui,
    ) -> Vec<&'o Environment> {
        let Some((revision, then)) = &self.since else { return chosen };
        let revision = safe::line(revision);
        let differs = |environment: &&Environment| {
            self.affected(environment, today).is_none_or(|(_, found)| !found.addresses.is_empty())
        };
        let (changed, same): (Vec<_>, Vec<_>) = chosen.into_iter().partition(differs);
        if !same.is_empty() {
            let names = list(same.iter().map(|environment| environment.name.as_str()));
            ui.say(&format!("Not changed since {revision}: {names}."));
        }
        let is_known = |name: &str| self.repository.environments.iter().any(|one| one.name == name);
        let gone: Vec<&str> =
            then.environments.iter().map(|one| one.name.as_str()).filter(|name| !is_known(name)).collect();
        if !gone.is_empty() {
            let names = list(gone.into_iter());
            ui.say(&format!("Gone since {revision}: {names}. What was deployed there stays as it is."));
        }
        changed
    }

    /// Stops when something that was read is wrong, after showing all of it.
    pub(crate) fn require_sound(&self, ui: &Ui) -> Result<(), Failure> {
        if self.diagnostics.has_errors() {
            show(&self.diagnostics, &self.repository, ui);
            return Err(Failure::diagnosed(Exit::Error));
        }
        Ok(())
    }

    /// Compiles an environment, whatever is wrong with it.
    pub(crate) fn compiled(&self, environment: &Environment, today: Date) -> (Desired, Diagnostics) {
        compile_with(&self.analyses, &self.repository, environment, today)
    }

    /// Compiles an environment; stops after showing everything that is wrong with it.
    pub(crate) fn compile(
        &self,
        environment: &Environment,
        today: Date,
        ui: &Ui,
    ) -> Result<(Desired, Diagnostics), Failure> {
        let (desired, mut diagnostics) = self.compiled(environment, today);
        diagnostics.settle(&self.repository.sources);
        if diagnostics.has_errors() {
            show(&diagnostics, &self.repository, ui);
            return Err(Failure::diagnosed(Exit::Error));
        }
        Ok((desired, diagnostics))
    }
}

/// Prints diagnostics and their count to stderr.
pub(crate) fn show(diagnostics: &Diagnostics, repository: &Repository, ui: &Ui) {
    let text = crate::render::diagnostics::text(diagnostics, &repository.sources, ui.err.color, ui.width);
    ui.tell(text.trim_end());
    ui.tell(&count_line(diagnostics));
}

/// `2 errors, 1 warning`.
pub(crate) fn count_line(diagnostics: &Diagnostics) -> String {
    let counted = |severity, word: &str| {
        let count = diagnostics.count(severity);
        (count > 0).then(|| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
    };
    let parts: Vec<String> = counted(Severity::Error, "error")
        .into_iter()
        .chain(counted(Severity::Warning, "warning"))
        .chain(counted(Severity::Info, "note"))
        .collect();
    if diagnostics.has_errors() {
        format!("{}; nothing was sent.", parts.join(", "))
    } else {
        parts.join(", ")
    }
}
