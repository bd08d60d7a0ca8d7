//! `palisade man`: manual pages, made of the same texts as `--help`.

use std::path::{Path, PathBuf};

use super::failure::{Exit, Failure};
use super::ui::Ui;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Write a page for every command to this folder (palisade.1, palisade-plan.1, …) instead of printing the first
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &ManArgs, ui: &Ui) -> Result<Exit, Failure> {
    let command = super::definition();
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure::error("the page cannot be made").caused_by(&error))?;
        ui.data(String::from_utf8_lossy(&page).trim_end());
        return Ok(Exit::Done);
    };
    write(command, folder).map_err(|error| {
        Failure::error(format!("the pages cannot be written to `{}`", folder.display())).caused_by(&error)
    })?;
    ui.say(&format!(
        "Wrote the manual to {}; `man {}/palisade.1` shows the first page",
        folder.display(),
        folder.display()
    ));
    Ok(Exit::Done)
}

fn write(command: clap::Command, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}
