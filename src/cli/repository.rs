//! Opening the detection repository and compiling environments, with everything wrong shown at once.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::compile::{Analyses, Desired, compile};
use crate::diagnostic::{Diagnostics, Severity, did_you_mean};
use crate::model::Repository;
use crate::model::environment::{Environment, Ring};
use crate::plan::Affected;
use crate::plan::affected::between;
use crate::verify::Verifier;

use super::failure::{Exit, Failure};
use super::ui::Ui;

/// A repository that was read.
pub(crate) struct Opened {
    pub(crate) root: PathBuf,
    pub(crate) repository: Repository,
    pub(crate) diagnostics: Diagnostics,
    /// An earlier state that a plan is limited to the difference from, with the name of its revision.
    pub(crate) since: Option<(String, Repository)>,
}

/// Which environments a command is about.
#[derive(Debug, Default, Clone, clap::Args)]
pub(crate) struct EnvironmentArgs {
    /// The environment to work on (repeatable)
    #[arg(short = 'e', long = "env", value_name = "NAME", env = "PALISADE_ENV", value_delimiter = ',')]
    pub(crate) environments: Vec<String>,
    /// Work on every environment, in the order of their rings
    #[arg(long, conflicts_with = "environments")]
    pub(crate) all_envs: bool,
    /// Work on every environment of this ring
    #[arg(long, value_enum, value_name = "RING", conflicts_with_all = ["environments", "all_envs"])]
    pub(crate) ring: Option<RingChoice>,
}

/// `--ring`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RingChoice {
    /// First
    Canary,
    /// Second
    Early,
    /// Last
    Broad,
}

impl RingChoice {
    const fn ring(self) -> Ring {
        match self {
            Self::Canary => Ring::Canary,
            Self::Early => Ring::Early,
            Self::Broad => Ring::Broad,
        }
    }
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
    Ok(Opened { root, repository, diagnostics, since: None })
}

/// Reads the repository that `start` lies in as it was at a git revision. Everything but the files (the sandbox's state,
/// the journal, certificates) stays where it is.
pub(crate) fn open_at(start: &Path, revision: &str) -> Result<Opened, Failure> {
    let Some(root) = crate::load::find_root(start) else { return open(start) };
    let snapshot = super::git::Snapshot::read(&root, revision)?;
    let (repository, diagnostics) = crate::load::load(snapshot.path());
    Ok(Opened { root, repository, diagnostics, since: None })
}

impl EnvironmentArgs {
    /// Whether any was asked for.
    pub(crate) fn is_given(&self) -> bool {
        !self.environments.is_empty() || self.all_envs || self.ring.is_some()
    }
}

impl Opened {
    /// The environments that were asked for. Where none was named there must be only one.
    pub(crate) fn choose(&self, args: &EnvironmentArgs) -> Result<Vec<&Environment>, Failure> {
        let known = &self.repository.environments;
        let names = || known.iter().map(|environment| environment.name.as_str());
        if args.all_envs {
            let mut all: Vec<&Environment> = known.iter().collect();
            // In the order of their rings; what is in none comes last, as what is broadest.
            all.sort_by_key(|one| one.ring.as_ref().map_or((true, Ring::Broad), |ring| (false, ring.value)));
            return Ok(all);
        }
        if let Some(choice) = args.ring {
            let of_ring = |environment: &&Environment| {
                environment.ring.as_ref().is_some_and(|ring| ring.value == choice.ring())
            };
            let chosen: Vec<&Environment> = known.iter().filter(of_ring).collect();
            return if chosen.is_empty() {
                Err(Failure::error("no environment is in that ring")
                    .help("`ring:` of an environment file says which it is in"))
            } else {
                Ok(chosen)
            };
        }
        if args.environments.is_empty() {
            return match known.as_slice() {
                [only] => Ok(vec![only]),
                _ => Err(Failure::error("which environment?")
                    .help(format!("choose with -e NAME, or --all-envs; there are: {}", list(names())))),
            };
        }
        let mut chosen: Vec<&Environment> = Vec::new();
        for wanted in &args.environments {
            match known.iter().find(|environment| environment.name == *wanted) {
                Some(environment) if chosen.iter().any(|one| one.name == *wanted) => {
                    let _ = environment;
                }
                Some(environment) => chosen.push(environment),
                None => {
                    let help = match did_you_mean(wanted, names()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("there are: {}", list(names())),
                    };
                    return Err(Failure::error(format!("there is no environment `{wanted}`")).help(help));
                }
            }
        }
        Ok(chosen)
    }

    /// Whether the watchlists of the environment's workspaces are ours to look at: it has some, or says `watchlists:`, so that
    /// those it had are found and deleted. Without, they are never asked for.
    pub(crate) fn has_watchlists(&self, environment: &Environment) -> bool {
        environment.watchlists.is_some()
            || self.repository.watchlists.iter().any(|list| environment.takes_watchlist(list))
    }

    /// What the files change in an environment since the revision that was asked for, by comparing what both compile to: a
    /// comment changes nothing, a shared list, a parameter or a setting may change many rules.
    pub(crate) fn affected(&self, environment: &Environment, today: Date) -> Option<(String, Affected)> {
        let (revision, then) = self.since.as_ref()?;
        let now = compile(&self.repository, environment, today).0;
        let before = then.environments.iter().find(|known| known.name == environment.name);
        let before = before.map(|environment| compile(then, environment, today).0).unwrap_or_default();
        Some((revision.clone(), between(&now.resources, &before.resources)))
    }

    /// Stops when something that was read is wrong, after showing all of it.
    pub(crate) fn require_sound(&self, ui: &Ui) -> Result<(), Failure> {
        if self.diagnostics.has_errors() {
            show(&self.diagnostics, &self.repository, ui);
            return Err(Failure::diagnosed(Exit::Error));
        }
        Ok(())
    }

    /// Compiles an environment; stops after showing everything that is wrong with it.
    pub(crate) fn compile(
        &self,
        environment: &Environment,
        today: Date,
        ui: &Ui,
    ) -> Result<(Desired, Diagnostics), Failure> {
        let (desired, mut diagnostics) = compile(&self.repository, environment, today);
        diagnostics.settle(&self.repository.sources);
        if diagnostics.has_errors() {
            show(&diagnostics, &self.repository, ui);
            return Err(Failure::diagnosed(Exit::Error));
        }
        Ok((desired, diagnostics))
    }
}

impl Opened {
    /// As [`Self::compile`], for what is about to be deployed: attacks that must alert do, or it stops.
    pub(crate) fn compile_proven(
        &self,
        environment: &Environment,
        today: Date,
        ui: &Ui,
    ) -> Result<(Desired, Diagnostics), Failure> {
        let (desired, diagnostics) = self.compile(environment, today, ui)?;
        let analyses = Analyses::default();
        let mut broken = Verifier::new(&self.repository, &analyses, today).promises(environment, &desired);
        if broken.has_errors() {
            broken.settle(&self.repository.sources);
            show(&broken, &self.repository, ui);
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

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none (add environments/NAME/environment.yaml)".to_owned()
    } else {
        names.join(", ")
    }
}
