//! `palisade env list`: what there is to plan, for people and for the matrix of a build.

use std::path::Path;

use crate::render::{environments, safe};

use super::super::failure::{Exit, Failure};
use super::super::repository::{EnvironmentArgs, open};
use super::super::selection::RingChoice;
use super::super::settings::Settings;
use super::super::ui::Ui;
use crate::fleet::Shard;

/// Arguments of `env list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only the environments of this ring
    #[arg(long, value_enum, value_name = "RING")]
    ring: Option<RingChoice>,
    /// Only the I-th of N parts. Which part an environment is in follows from its name alone
    #[arg(long, value_name = "I/N", value_parser = Shard::parse)]
    shard: Option<Shard>,
    /// Only environments in which a rule compiles differently than at this git revision
    #[arg(long, value_name = "REVISION")]
    changed_since: Option<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,
}

/// How to print environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For `strategy.matrix` of GitHub Actions, on one line
    GithubMatrix,
}

pub(super) fn run(args: &ListArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let mut opened = open(start)?;
    opened.require_sound(ui)?;
    if let Some(revision) = &args.changed_since {
        opened.compare_with(start, revision)?;
    }
    let wanted = EnvironmentArgs {
        all_envs: args.ring.is_none(),
        ring: args.ring,
        shard: args.shard,
        ..EnvironmentArgs::default()
    };
    let mut chosen = opened.in_set(&wanted);
    if opened.since.is_some() {
        chosen = opened.changed(chosen, settings.today()?, ui);
    }
    match args.format {
        ListFormat::Text => ui.data(&environments::text(&chosen, ui.out)),
        ListFormat::Json => ui.json(&environments::json(&chosen)),
        ListFormat::GithubMatrix => ui.json_line(&environments::github_matrix(&chosen)),
    }
    let is_matrix = args.format == ListFormat::GithubMatrix;
    if chosen.is_empty() {
        let which = if opened.repository.environments.is_empty() {
            "No environment is here (add environments/NAME/environment.yaml)".to_owned()
        } else {
            format!("None of {} environments fits", opened.repository.environments.len())
        };
        let guard = if is_matrix {
            "; an empty matrix fails the job that uses it, so give that job an `if:` that compares with '{\"include\":[]}'"
        } else {
            ""
        };
        ui.say(&format!("{which}{guard}."));
    } else if is_matrix && chosen.len() > environments::MOST_JOBS {
        ui.tell(&safe::line(&format!(
            "{} environments are more than GitHub makes jobs of ({}): divide them with --shard, or run fewer jobs, each with \
             `--shard I/N` of its own",
            chosen.len(),
            environments::MOST_JOBS
        )));
    }
    Ok(Exit::Done)
}
