//! `palisade diff`: the rules of two environments side by side, or what an environment holds against what it should.

use std::collections::BTreeMap;
use std::path::Path;

use super::block_on;
use super::connection::connect;
use super::failure::{Exit, Failure};
use super::plan::Format;
use super::planning::CredentialArg;
use super::repository::{EnvironmentArgs, Opened, open};
use super::settings::Settings;
use super::ui::Ui;
use crate::address::{Platform, matches_glob};
use crate::compile::Desired;
use crate::model::environment::Environment;
use crate::plan::comparison::{self, Comparison, Compiled};
use crate::provider;
use crate::resource::Schema;

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// Two environments; with --live, one
    #[arg(value_name = "ENV", num_args = 0..=2)]
    names: Vec<String>,
    /// Compare what the environment holds with what its files say
    #[arg(long)]
    live: bool,
    /// The environment, instead of an ENV (repeatable)
    #[arg(short = 'e', long = "env", value_name = "NAME", conflicts_with = "names", value_delimiter = ',')]
    environments: Vec<String>,
    /// Only these rules: an id, an address, or a glob of either (repeatable)
    #[arg(long, value_name = "GLOB")]
    rule: Vec<String>,
    /// Exit with 2 when there are differences
    #[arg(long)]
    detailed_exitcode: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Which credential to use, with --live
    #[arg(long, value_name = "NAME", value_parser = super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::planning::credential_help())]
    credential: CredentialArg,
}

pub(crate) fn run(args: &DiffArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    opened.require_sound(ui)?;
    let named = if args.names.is_empty() { &args.environments } else { &args.names };
    let chosen =
        opened.choose(&EnvironmentArgs { environments: named.clone(), ..EnvironmentArgs::default() })?;
    let mut comparison = match (args.live, chosen.as_slice()) {
        (true, [one]) => block_on(live(&opened, one, args, settings, ui))?,
        (true, _) => {
            return Err(Failure::error("--live compares one environment").help("`palisade diff --live ENV`"));
        }
        (false, [left, right]) => two(&opened, left, right, settings, ui)?,
        (false, _) => {
            return Err(Failure::error("two different environments are compared")
                .help("`palisade diff ENV ENV`, or `palisade diff --live ENV` against what is deployed"));
        }
    };
    if !args.rule.is_empty() {
        let fits = |address: &str| {
            let rule = address.split_once(':').map_or(address, |(_, rule)| rule);
            args.rule.iter().any(|glob| matches_glob(glob, address) || matches_glob(glob, rule))
        };
        comparison.differences.retain(|one| fits(&one.address));
    }
    match args.format {
        Format::Text => ui.data(&crate::render::comparison::text(&comparison, ui.out)),
        Format::Json => ui.json(&serde_json::json!(comparison)),
    }
    let differs = args.detailed_exitcode && !comparison.differences.is_empty();
    Ok(if differs { Exit::Changes } else { Exit::Done })
}

fn two(
    opened: &Opened,
    left: &Environment,
    right: &Environment,
    settings: &Settings,
    ui: &Ui,
) -> Result<Comparison, Failure> {
    let today = settings.today()?;
    let (desired_left, _) = opened.compile(left, today, ui)?;
    let (desired_right, _) = opened.compile(right, today, ui)?;
    let side = |environment, desired| compiled(environment, desired);
    Ok(comparison::environments(&side(left, &desired_left), &side(right, &desired_right), schema_of))
}

fn compiled<'a>(environment: &'a Environment, desired: &'a Desired) -> Compiled<'a> {
    let dropped: BTreeMap<String, &'static str> =
        desired.dropped.iter().map(|dropped| (dropped.rule.to_string(), dropped.reason.as_str())).collect();
    Compiled { name: &environment.name, desired: &desired.resources, dropped }
}

async fn live(
    opened: &Opened,
    environment: &Environment,
    args: &DiffArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<Comparison, Failure> {
    let (desired, _) = opened.compile(environment, settings.today()?, ui)?;
    let watchlists = opened.has_watchlists(environment);
    let connection = connect(environment, watchlists, &opened.root, args.credential.0, settings).await?;
    let states = connection.list().await;
    connection.close().await?;
    Ok(comparison::live(&environment.owner.value, &desired.resources, &states?))
}

fn schema_of(platform: Platform) -> &'static Schema {
    match platform {
        Platform::Defender => provider::defender::schema(),
        Platform::Sentinel => provider::sentinel::schema(),
    }
}
