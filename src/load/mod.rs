//! The only reader of the file system: a folder in, a [`Repository`] and everything wrong with it out.
//!
//! Loading never stops at the first problem and never follows a path out of the root. `files` finds and reads files within
//! limits; `references` checks what only all files together can show; this file says which files there are and what each
//! becomes. Nothing here needs the network, the clock or the process environment.

mod cases;
mod environments;
mod files;
mod references;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::Repository;
use crate::model::rule::{Query, Rule};
use crate::parallel;
use crate::source::{FileId, Span};
use crate::yaml::decode::{project, rule};
use crate::yaml::{Node, Text, encoding, read};
use files::{Files, Found};

pub use files::Limits;

/// The project file's name; the folder that holds it is the root.
pub const PROJECT_FILE: &str = "palisade.yaml";

/// The nearest folder at or above `start` that holds a `palisade.yaml`.
#[must_use]
pub fn find_root(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file()).map(Path::to_path_buf)
}

/// Reads the detection repository at `root`. The diagnostics are settled: ordered by path and place.
///
/// What could be read is in the repository even when there are errors, so that as many problems as possible are found in
/// one run; nothing may be deployed from it then.
#[must_use]
pub fn load(root: &Path) -> (Repository, Diagnostics) {
    load_within(root, Limits::default())
}

/// As [`load`], with limits of the caller's.
#[must_use]
pub fn load_within(root: &Path, limits: Limits) -> (Repository, Diagnostics) {
    let mut repository = Repository::default();
    let mut out = Diagnostics::default();
    let Some(mut files) = open_root(root, limits, &mut out) else { return (repository, out) };
    load_project(&mut files, &mut repository, &mut out);
    let rule_files = load_rules(&mut files, &mut repository, &mut out);
    let shared = environments::load(&mut files, &mut repository, &mut out);
    let stems: Vec<String> = rule_files.iter().map(|(stem, _)| stem.clone()).collect();
    cases::load(&mut files, &stems, &mut repository, &mut out);
    references::check(&repository, &rule_files, &shared, &mut out);
    out.settle(&repository.sources);
    (repository, out)
}

fn open_root(root: &Path, limits: Limits, out: &mut Diagnostics) -> Option<Files> {
    let missing = |detail: String| {
        Diagnostic::error(codes::NO_PROJECT, "no palisade.yaml was found")
            .with_detail(detail)
            .with_help("run `palisade init` to make a repository here, or name its folder with `-C FOLDER`")
    };
    let shown = root.display();
    match root.canonicalize() {
        Err(error) => {
            out.push(missing(format!("The folder {shown} cannot be opened: {error}.")));
            None
        }
        Ok(root) if std::fs::symlink_metadata(root.join(PROJECT_FILE)).is_err() => {
            out.push(missing(format!("There is none in {shown}.")));
            None
        }
        Ok(root) => Some(Files::new(root, limits)),
    }
}

fn load_project(files: &mut Files, repository: &mut Repository, out: &mut Diagnostics) {
    let Some(found) = files.file(PROJECT_FILE, &mut repository.sources, out) else { return };
    let Some((document, _)) = document(&found, files, repository, out) else { return };
    if let Some(project) = project::project(&document, out) {
        repository.project = project;
    }
}

/// Reads `rules/**`; gives back the stem of every rule file, decoded or not, with its place.
fn load_rules(files: &mut Files, repository: &mut Repository, out: &mut Diagnostics) -> Vec<(String, Span)> {
    let found = files.tree("rules", &["yaml", "yml", "kql"], &mut repository.sources, out);
    let (queries, rules): (Vec<Found>, Vec<Found>) =
        found.into_iter().partition(|file| file.extension() == "kql");
    let mut queries: std::collections::HashMap<String, Found> =
        queries.into_iter().map(|file| (file.without_extension().to_owned(), file)).collect();
    let mut stems = Vec::with_capacity(rules.len());
    let mut unread = Vec::with_capacity(rules.len());
    for file in rules {
        let sibling = queries.remove(file.without_extension());
        let query = sibling.and_then(|sibling| external_query(&sibling, files, repository, out));
        let text = text(&file, files, repository, out);
        stems.extend(repository.sources.last().map(|id| (file.stem().to_owned(), Span::new(id, 0, 0))));
        unread.extend(text.map(|(text, id)| (file, query, text, id)));
    }
    let decoded = parallel::map(&unread, |(file, query, text, id)| match read::read(text, *id) {
        Ok(document) => rule::decode_rule(&document, query.clone(), Some(file.stem())),
        Err(problems) => (None, problems),
    });
    for (rule, problems) in decoded {
        out.extend(problems);
        repository.rules.extend(rule.map(Arc::new));
    }
    let mut stray: Vec<Found> = queries.into_values().collect();
    stray.sort();
    for file in stray {
        let place = repository.sources.add(file.path.clone(), "");
        out.push(
            Diagnostic::warning(codes::STRAY_FILE, "a query without a rule")
                .at(Span::new(place, 0, 0))
                .with_help(format!("write {}.yaml beside it, or remove it", file.stem())),
        );
    }
    repository.rules.sort_by(|a: &Arc<Rule>, b: &Arc<Rule>| a.id.value.cmp(&b.id.value));
    stems
}

fn external_query(
    file: &Found,
    files: &mut Files,
    repository: &mut Repository,
    out: &mut Diagnostics,
) -> Option<Query> {
    let id = files.read(file, &mut repository.sources, out)?;
    let text = repository.sources.file(id)?.text.clone();
    let refused = encoding::check(&text, id);
    let whole = Span::new(id, 0, u32::try_from(text.len()).unwrap_or(u32::MAX));
    if refused.has_errors() {
        out.extend(refused);
        return None;
    }
    if text.trim().is_empty() {
        out.push(Diagnostic::error(codes::EMPTY_VALUE, "the query is empty").at(whole));
        return None;
    }
    Some(Query { text: Text::of_file(&text), span: whole })
}

/// A file's text; that it cannot be read is reported.
fn text(
    file: &Found,
    files: &mut Files,
    repository: &mut Repository,
    out: &mut Diagnostics,
) -> Option<(Arc<str>, FileId)> {
    let id = files.read(file, &mut repository.sources, out)?;
    Some((repository.sources.file(id)?.text.clone(), id))
}

/// Reads a file as YAML; problems are reported.
fn document(
    file: &Found,
    files: &mut Files,
    repository: &mut Repository,
    out: &mut Diagnostics,
) -> Option<(Node, FileId)> {
    let (text, id) = text(file, files, repository, out)?;
    match read::read(&text, id) {
        Ok(node) => Some((node, id)),
        Err(problems) => {
            out.extend(problems);
            None
        }
    }
}

#[cfg(test)]
mod tests;
