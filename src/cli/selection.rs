//! Which environments a command is about: `-e`, `--all-envs`, `--ring`, `--shard`.

use crate::diagnostic::did_you_mean;
use crate::fleet::Shard;
use crate::model::environment::{Environment, Ring};

use super::failure::{Exit, Failure};
use super::repository::Opened;
use super::ui::Ui;

/// Names that are worth printing; of more, only the number says something.
const SHOWN: usize = 12;

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
    /// Of all environments, or of a ring's, work on the I-th of N parts. Which part an environment is in follows from its name
    /// alone
    #[arg(long, value_name = "I/N", value_parser = Shard::parse, conflicts_with = "environments")]
    pub(crate) shard: Option<Shard>,
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

impl RingChoice {
    fn has(self, environment: &Environment) -> bool {
        environment.ring.as_ref().is_some_and(|ring| ring.value == self.ring())
    }
}

impl EnvironmentArgs {
    /// Whether any was asked for.
    pub(crate) fn is_given(&self) -> bool {
        !self.environments.is_empty() || self.is_set()
    }

    /// Whether a set was asked for instead of names.
    pub(crate) const fn is_set(&self) -> bool {
        self.all_envs || self.ring.is_some() || self.shard.is_some()
    }
}

impl Opened {
    /// The environments that were asked for, for commands that need one. Where none was named there must be only one; a
    /// shard without any ends the command, successfully.
    pub(crate) fn choose(&self, args: &EnvironmentArgs) -> Result<Vec<&Environment>, Failure> {
        let chosen = self.chosen(args)?;
        match (args.shard, chosen.is_empty()) {
            (Some(shard), true) => Err(Failure::with(Exit::Done, empty(shard, args))),
            _ => Ok(chosen),
        }
    }

    /// The environments that were asked for, for commands whose answer about no environment is one too: an empty shard is
    /// told, and is no environment.
    pub(crate) fn select(&self, args: &EnvironmentArgs, ui: &Ui) -> Result<Vec<&Environment>, Failure> {
        let chosen = self.chosen(args)?;
        if let (Some(shard), true) = (args.shard, chosen.is_empty()) {
            ui.say(&empty(shard, args));
        }
        Ok(chosen)
    }

    /// As [`Self::select`], with every environment where none was asked for.
    pub(crate) fn select_or_all(
        &self,
        args: &EnvironmentArgs,
        ui: &Ui,
    ) -> Result<Vec<&Environment>, Failure> {
        if args.is_given() {
            self.select(args, ui)
        } else {
            Ok(self.repository.environments.iter().collect())
        }
    }

    /// The environments of a set, without asking whether there are any.
    pub(crate) fn in_set(&self, args: &EnvironmentArgs) -> Vec<&Environment> {
        let wanted = |one: &&Environment| {
            args.ring.is_none_or(|choice| choice.has(one))
                && args.shard.is_none_or(|shard| shard.takes(&one.name))
        };
        let mut chosen: Vec<&Environment> = self.repository.environments.iter().filter(wanted).collect();
        // In the order of their rings; what is in none comes last, as what is broadest.
        chosen.sort_by_key(|one| stage(one));
        chosen
    }

    fn chosen(&self, args: &EnvironmentArgs) -> Result<Vec<&Environment>, Failure> {
        if args.is_set() {
            if let Some(choice) = args.ring
                && !self.repository.environments.iter().any(|one| choice.has(one))
            {
                return Err(Failure::error("no environment is in that ring")
                    .help("`ring:` of an environment file says which it is in"));
            }
            return Ok(self.in_set(args));
        }
        let known = &self.repository.environments;
        let names = || known.iter().map(|environment| environment.name.as_str());
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
                Some(_) if chosen.iter().any(|one| one.name == *wanted) => {}
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
}

/// The stage of a rollout at which an environment's turn is.
pub(crate) fn stage(environment: &Environment) -> (bool, Ring) {
    environment.ring.as_ref().map_or((true, Ring::Broad), |ring| (false, ring.value))
}

fn empty(shard: Shard, args: &EnvironmentArgs) -> String {
    let whole = if args.ring.is_some() { "of that ring" } else { "here" };
    format!("Shard {shard} has no environment {whole}: nothing to do. Other shards have them.")
}

/// `a, b, c`, or how many there are.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => "none (add environments/NAME/environment.yaml)".to_owned(),
        count if count > SHOWN => {
            let first: Vec<&str> = names.into_iter().take(SHOWN).collect();
            format!("{} and {} more", first.join(", "), count - SHOWN)
        }
        _ => names.join(", "),
    }
}
