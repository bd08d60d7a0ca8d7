//! `palisade env generate`: environment files from a table. Everything is looked at before the first file is written.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::fleet::generate::{State, decoded, is_ours, state, text};
use crate::fleet::sharing;
use crate::fleet::table::{Defaults, Row, read};
use crate::model::environment::Environment;
use crate::render::safe;
use crate::source::SourceMap;
use crate::yaml::{Node, read as yaml};

use super::super::failure::{Exit, Failure};
use super::super::files;
use super::super::repository::{Opened, count_line, open};
use super::super::selection::list;
use super::super::ui::Ui;

/// The largest table that is read.
const MAX_BYTES: u64 = 16 << 20;
/// The base that is extended where nothing else is said.
const BASE: &str = "_base";

/// Arguments of `env generate`.
#[derive(Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    /// The table: CSV, whose first line names its columns. `environment` must be there; `extends`, `owner`, `tenant_id`, `ring`,
    /// `cloud`, `prune`, `defender`, `subscription`, `resource_group`, `workspace`, `tags` and `allowlists` may be
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// What every environment extends that says nothing else [default: `_base`, if there is one]
    #[arg(long, value_name = "NAME")]
    extends: Option<String>,
    /// Write nothing; fail if a file is not as the table says
    #[arg(long, conflicts_with = "force")]
    check: bool,
    /// Also replace files that were written or changed by hand
    #[arg(long)]
    force: bool,
}

/// A file to be.
struct File {
    name: String,
    path: PathBuf,
    text: String,
    state: State,
}

pub(super) fn run(args: &GenerateArgs, start: &Path, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let mut sources = opened.repository.sources.clone();
    let mut found = Diagnostics::default();
    let rows = table(args, &opened, &mut sources, &mut found)?;
    check(&rows, &opened, &mut sources, &mut found)?;
    if found.has_errors() {
        found.settle(&sources);
        let shown = crate::render::diagnostics::text(&found, &sources, ui.err.color, ui.width);
        ui.tell(shown.trim_end());
        ui.tell(&count_line(&found).replace("nothing was sent", "nothing was written"));
        return Ok(Exit::Error);
    }
    let files = rows.iter().map(|row| file(row, &opened.root)).collect::<Result<Vec<File>, Failure>>()?;
    let of = |wanted: State| files.iter().filter(move |file| file.state == wanted);
    let names = |wanted: State| list(of(wanted).map(|file| file.name.as_str()));
    if args.check {
        let different = files.iter().filter(|file| file.state != State::Unchanged);
        return match different.clone().count() {
            0 => Ok(Exit::Done),
            count => Err(Failure::error(format!(
                "{count} of {} files are not as the table says: {}",
                files.len(),
                list(different.map(|file| file.name.as_str()))
            ))
            .help("run `palisade env generate` and commit what it writes")),
        };
    }
    if of(State::Foreign).count() > 0 && !args.force {
        return Err(Failure::error(format!(
            "these environments have files that were written or changed by hand: {}; nothing was written",
            names(State::Foreign)
        ))
        .help("move what they say into the table or the base, take their rows out, or replace them with --force"));
    }
    for file in files.iter().filter(|file| file.state != State::Unchanged) {
        files::replace(&file.path, &file.text)?;
        ui.data(&format!("{} {}", if file.state == State::New { "+" } else { "~" }, safe::line(&file.name)));
    }
    let count = |wanted: State| of(wanted).count();
    ui.say(&format!(
        "{} new, {} replaced, {} unchanged.",
        count(State::New),
        count(State::Outdated) + count(State::Foreign),
        count(State::Unchanged)
    ));
    left_over(&files, &opened, ui);
    Ok(Exit::Done)
}

fn table(
    args: &GenerateArgs,
    opened: &Opened,
    sources: &mut SourceMap,
    found: &mut Diagnostics,
) -> Result<Vec<Row>, Failure> {
    let shown = args.from.display();
    let text = files::text(&args.from, MAX_BYTES)
        .map_err(|why| Failure::error(format!("the table `{shown}`: {why}")))?;
    let id = sources.add(shown.to_string(), text.as_str());
    let has_base = opened.root.join("environments").join(BASE).join("environment.yaml").is_file();
    let extends = args.extends.as_deref().or_else(|| has_base.then_some(BASE));
    let owner = opened.repository.project.owner.as_ref().map(|owner| owner.value.as_str());
    Ok(read(&text, id, Defaults { owner, extends }, found))
}

/// Decodes every row as the environment that it will be, together with those that are there already.
fn check(
    rows: &[Row],
    opened: &Opened,
    sources: &mut SourceMap,
    found: &mut Diagnostics,
) -> Result<(), Failure> {
    let mut bases: std::collections::BTreeMap<String, Option<Node>> = std::collections::BTreeMap::new();
    let mut made: Vec<Environment> = Vec::new();
    for row in rows {
        let base = match row.document.get("extends").and_then(|node| Some((node.as_str()?, node.span))) {
            None => None,
            Some((name, span)) => {
                if !bases.contains_key(name) {
                    let base = base(name, opened, sources, found)?;
                    if base.is_none() {
                        let known = opened.root.join("environments");
                        let known = std::fs::read_dir(known).into_iter().flatten().flatten();
                        let known: Vec<String> = known
                            .filter_map(|entry| entry.file_name().into_string().ok())
                            .filter(|name| name.starts_with('_') && name != "_shared")
                            .collect();
                        let finding = Diagnostic::error(codes::ENVIRONMENT_EXTENDS, "nothing to extend")
                            .labelled(
                                span,
                                format!("there is no environments/{}/environment.yaml", safe::line(name)),
                            );
                        let near = did_you_mean(name, known.iter().map(String::as_str));
                        found.push(match near {
                            Some(near) => finding.with_help(format!("did you mean `{near}`?")),
                            None => finding.with_help(
                                "write what all environments have in common into environments/_base/environment.yaml",
                            ),
                        });
                    }
                    bases.insert(name.to_owned(), base);
                }
                match bases.get(name) {
                    Some(Some(base)) => Some(base),
                    // That it is missing was said once.
                    _ => continue,
                }
            }
        };
        made.extend(decoded(row, base, found));
    }
    let is_made = |name: &str| rows.iter().any(|row| row.name.value == name);
    let others = opened.repository.environments.iter().filter(|one| !is_made(&one.name)).cloned();
    // Those that are there come first, so that what is wrong is said of the table.
    let all: Vec<Environment> = others.chain(made).collect();
    sharing::check(&all, found);
    Ok(())
}

/// The document of a base; `None`: there is none, or it cannot be read, which is reported.
fn base(
    name: &str,
    opened: &Opened,
    sources: &mut SourceMap,
    found: &mut Diagnostics,
) -> Result<Option<Node>, Failure> {
    if !name.starts_with('_') || name.contains(['/', '\\']) {
        return Ok(None);
    }
    let path = format!("environments/{name}/environment.yaml");
    let full = opened.root.join(&path);
    if !full.is_file() {
        return Ok(None);
    }
    let text = files::text(&full, MAX_BYTES).map_err(|why| Failure::error(format!("`{path}`: {why}")))?;
    let id = sources.add(path, text.as_str());
    match yaml::read(&text, id) {
        Ok(node) => Ok(Some(node)),
        Err(problems) => {
            found.extend(problems);
            Ok(None)
        }
    }
}

fn file(row: &Row, root: &Path) -> Result<File, Failure> {
    let folder = root.join("environments").join(&row.name.value);
    let path = folder.join("environment.yaml");
    let is_link =
        |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|facts| facts.file_type().is_symlink());
    if is_link(&folder) || is_link(&path) {
        return Err(Failure::error(format!("`{}` is a link; nothing was written", path.display()))
            .help("a link may lead out of the repository: replace it by a folder and a file"));
    }
    let existing = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(Failure::error(format!("`{}` cannot be read", path.display())).caused_by(&error));
        }
    };
    let text = text(row);
    let state = state(existing.as_deref(), &text);
    Ok(File { name: row.name.value.clone(), path, text, state })
}

/// Environments of an earlier table are told, and never removed: their rules are still deployed.
fn left_over(files: &[File], opened: &Opened, ui: &Ui) {
    let gone: Vec<&str> = opened
        .repository
        .environments
        .iter()
        .map(|one| one.name.as_str())
        .filter(|name| !files.iter().any(|file| file.name == *name))
        .filter(|name| {
            let path = opened.root.join("environments").join(name).join("environment.yaml");
            std::fs::read_to_string(path).is_ok_and(|text| is_ours(&text))
        })
        .collect();
    if !gone.is_empty() {
        ui.say(&format!(
            "Not in the table any more, and left as they are: {}. Remove a folder once its rules are gone from the tenant.",
            list(gone.into_iter())
        ));
    }
}
