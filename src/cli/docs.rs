//! `palisade docs build`: the catalogue as a website of static files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::render::site::{File, site};

use super::failure::{Exit, Failure};
use super::looking::{LookingArgs, catalogue};
use super::repository::open;
use super::settings::Settings;
use super::ui::Ui;

/// The list of files that a build left: only these does the next one take away again.
const LIST: &str = ".palisade-site";

/// Arguments of `docs`.
#[derive(Debug, clap::Args)]
pub(crate) struct DocsArgs {
    #[command(subcommand)]
    command: DocsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum DocsCommand {
    /// Write the catalogue of detections as a website of static files: ATT&CK matrix, rules, allowlist calendar
    Build(BuildArgs),
}

/// Arguments of `docs build`.
#[derive(Debug, clap::Args)]
struct BuildArgs {
    #[command(flatten)]
    looking: LookingArgs,
    /// The site's folder. Files of an earlier build in it are replaced; a folder with other files is refused
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &DocsArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let DocsCommand::Build(args) = &args.command;
    let opened = open(start)?;
    let earlier = earlier_build(&args.out)?;
    let (catalogue, worst) = catalogue(&opened, &args.looking, settings, ui)?;
    let files = site(&catalogue);
    write(&args.out, &files, &earlier).map_err(|error| {
        Failure::error(format!("the site cannot be written to `{}`", args.out.display())).caused_by(&error)
    })?;
    ui.say(&format!(
        "{} rules in {} environments. Open {}",
        catalogue.rules.len(),
        catalogue.environments.len(),
        args.out.join("index.html").display()
    ));
    Ok(worst)
}

/// The files that an earlier build left in the folder.
fn earlier_build(folder: &Path) -> Result<BTreeSet<String>, Failure> {
    let mut entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => {
            return Err(Failure::error(format!("`{}` cannot be read as a folder", folder.display()))
                .caused_by(&error)
                .help("--out names a folder; it is made when it is not there"));
        }
        Ok(entries) => entries,
    };
    match std::fs::read_to_string(folder.join(LIST)) {
        // Never outside of the folder, whatever somebody wrote into the list.
        Ok(list) => Ok(list
            .lines()
            .filter(|path| !path.contains("..") && !path.starts_with('/'))
            .map(str::to_owned)
            .collect()),
        Err(_) if entries.next().is_none() => Ok(BTreeSet::new()),
        Err(_) => Err(Failure::error(format!("`{}` holds files that no build left there", folder.display()))
            .help("choose an empty or a new folder, so that nothing of yours is replaced")),
    }
}

fn write(folder: &Path, files: &[File], earlier: &BTreeSet<String>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let present: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    for gone in earlier.iter().filter(|path| !present.contains(path.as_str())) {
        match std::fs::remove_file(folder.join(gone)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // The list first: a build that stops half-way is still known as one.
    let list: Vec<&str> = present.into_iter().collect();
    std::fs::write(folder.join(LIST), format!("{}\n", list.join("\n")))?;
    for sub in ["assets", "rules"] {
        std::fs::create_dir_all(folder.join(sub))?;
    }
    for file in files {
        std::fs::write(folder.join(&file.path), &file.text)?;
    }
    Ok(())
}
