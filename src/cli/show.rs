//! `palisade show`: a saved plan for people.

use std::path::{Path, PathBuf};

use crate::plan::Plan;
use crate::render::safe;

use super::failure::{Exit, Failure};
use super::outputs::{MarkdownArgs, plans_markdown, writable};
use super::plan::PlanFormat;
use super::planning::{shown_json, text};
use super::ui::Ui;

/// The largest plan file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The plan file
    plan: PathBuf,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    #[command(flatten)]
    markdown: MarkdownArgs,
}

pub(crate) fn run(args: &ShowArgs, ui: &Ui) -> Result<Exit, Failure> {
    writable([&args.markdown.markdown_into])?;
    let plans = [read(&args.plan)?];
    match args.format {
        PlanFormat::Text => plans.iter().for_each(|plan| ui.data(&text(plan, ui))),
        PlanFormat::Json => ui.data(&shown_json(&plans)?),
        PlanFormat::Markdown => ui.data(&plans_markdown(&plans, args.markdown.max_bytes).text),
    }
    args.markdown.write_plans(&plans, ui)?;
    Ok(Exit::Done)
}

/// Reads and checks a saved plan.
pub(crate) fn read(path: &Path) -> Result<Plan, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::error(format!("the plan file `{}` cannot be read", path.display()))
            .caused_by(&error)
            .help("name a file that `palisade plan -e NAME --out FILE` wrote")
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_BYTES {
        let why =
            format!("`{}` is too large for a plan ({size} bytes, of at most {MAX_BYTES})", path.display());
        return Err(Failure::error(why).help("name a file that `palisade plan -e NAME --out FILE` wrote"));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    // What is no text is no plan either, and is told in the same words.
    crate::plan::file::read(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        let why = format!("`{}`: {}", path.display(), safe::line(&error.to_string()));
        Failure::error(why).help(error.help())
    })
}
