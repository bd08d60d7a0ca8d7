//! `palisade coverage`: which ATT&CK techniques each environment watches.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::catalogue::coverage::{self, Coverage};
use crate::render::coverage as rendered;

use super::failure::{Exit, Failure};
use super::looking::{LookingArgs, catalogue};
use super::repository::open;
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `coverage`.
#[derive(Debug, clap::Args)]
pub(crate) struct CoverageArgs {
    #[command(flatten)]
    looking: LookingArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = CoverageFormat::Text)]
    format: CoverageFormat,
    /// Write one Navigator layer per environment, NAME.json, into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// How to print coverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CoverageFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// A layer of the ATT&CK Navigator (format 4.5), of one environment
    Navigator,
}

pub(crate) fn run(args: &CoverageArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let (catalogue, worst) = catalogue(&opened, &args.looking, settings, ui)?;
    let all: Vec<Coverage> =
        (0..catalogue.environments.len()).map(|number| coverage::of(&catalogue, number)).collect();
    if let Some(folder) = &args.out {
        for one in &all {
            write(folder, &format!("{}.json", one.environment), &rendered::navigator(one))?;
        }
        ui.say(&format!("{} written to {}.", layers(all.len()), folder.display()));
    }
    match (args.format, all.as_slice()) {
        (CoverageFormat::Text, _) if args.out.is_some() => {}
        (CoverageFormat::Text, all) => {
            let texts: Vec<String> = all.iter().map(|one| rendered::text(one, ui.out)).collect();
            ui.data(&texts.join("\n"));
        }
        (CoverageFormat::Json, [one]) => ui.json(&rendered::json(one)),
        (CoverageFormat::Json, all) => {
            let all: Vec<Value> = all.iter().map(rendered::json).collect();
            ui.json(&json!({ "environments": all }));
        }
        (CoverageFormat::Navigator, [one]) => ui.json(&rendered::navigator(one)),
        (CoverageFormat::Navigator, _) => {
            return Err(Failure::error("a Navigator layer is of one environment")
                .help("name one with -e NAME, or write a file for each with --out DIR"));
        }
    }
    Ok(worst)
}

fn layers(count: usize) -> String {
    format!("{count} layer{}", if count == 1 { "" } else { "s" })
}

fn write(folder: &Path, name: &str, layer: &Value) -> Result<(), Failure> {
    let path = folder.join(name);
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, crate::render::json::pretty(layer)));
    written
        .map_err(|error| Failure::error(format!("`{}` cannot be written", path.display())).caused_by(&error))
}
