//! `palisade show`: a saved plan for people.

use std::path::{Path, PathBuf};

use crate::plan::Plan;

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
    let (plans, several) = read(&args.plan)?;
    match args.format {
        PlanFormat::Text => plans.iter().for_each(|plan| ui.data(&text(plan, ui))),
        PlanFormat::Json => ui.data(&shown_json(&plans, several.then_some(&[]))?),
        PlanFormat::Markdown => ui.data(&plans_markdown(&plans, &[], args.markdown.max_bytes).text),
    }
    args.markdown.write_plans(&plans, &[], ui)?;
    Ok(Exit::Done)
}

/// Reads and checks a saved plan, or several in one file; whether it is a file of several.
pub(crate) fn read(path: &Path) -> Result<(Vec<Plan>, bool), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::error(format!("the plan file `{}` cannot be read", path.display())).caused_by(&error)
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_BYTES {
        return Err(Failure::error(format!("`{}` is too large for a plan ({size} bytes)", path.display())));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::error(format!("`{}`: {why}", path.display()))
            .help("make the plan again with `palisade plan --out FILE`")
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| unusable(&format!("not a plan file: {error}")))?;
    crate::plan::file::read_all(text).map_err(|error| unusable(&error))
}
