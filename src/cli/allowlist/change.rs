//! Writing a changed allowlist file: only after the whole repository was compiled with it.

use std::sync::Arc;

use jiff::civil::Date;

use crate::compile::{Analyses, compile_with};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, Scope};
use crate::model::environment::Environment;
use crate::verify::Verifier;
use crate::yaml::{decode, read};

use super::super::failure::{Exit, Failure};
use super::super::files;
use super::super::repository::{Opened, show};
use super::super::ui::Ui;

/// A file as it would be.
pub(super) struct Changed<'a> {
    /// Relative to the root.
    pub(super) path: &'a str,
    /// The list's name and scope.
    pub(super) name: &'a str,
    pub(super) scope: &'a Scope,
    pub(super) text: &'a str,
}

/// Reads and compiles the changed file together with everything else, and writes it when it brings no new error.
pub(super) fn write(opened: &Opened, changed: &Changed<'_>, today: Date, ui: &Ui) -> Result<(), Failure> {
    let mut repository = opened.repository.clone();
    let file = repository.sources.add(changed.path, changed.text);
    let mut problems = Diagnostics::default();
    let list = match read::read(changed.text, file) {
        Ok(node) => decode::allowlist::allowlist(&node, changed.name, changed.scope.clone(), &mut problems),
        Err(found) => {
            problems.extend(found);
            None
        }
    };
    if let Some(list) = list.filter(|_| !problems.has_errors()) {
        if list.sensitive {
            repository.sources.mark_sensitive(file);
        }
        place(&mut repository, changed.path, list);
        problems.extend(new_errors(&opened.repository, &repository, changed.scope, today));
    }
    problems.settle(&repository.sources);
    if problems.has_errors() {
        show(&problems, &repository, ui);
        let mut failure = Failure::with(Exit::Error, format!("{} was not changed", changed.path));
        failure.help = Some("change what is wrong above and try again".to_owned());
        return Err(failure);
    }
    files::replace(&opened.root.join(changed.path), changed.text)
}

/// Puts the list where the one of the same file was, or in the order of paths.
fn place(repository: &mut Repository, path: &str, list: Allowlist) {
    let path_of =
        |repository: &Repository, known: &Allowlist| repository.sources.path(known.span.file).to_owned();
    let same = repository.allowlists.iter().position(|known| path_of(repository, known) == path);
    match same {
        Some(index) => {
            if let Some(known) = repository.allowlists.get_mut(index) {
                *known = Arc::new(list);
            }
        }
        None => {
            let before = |known: &Arc<Allowlist>| path_of(repository, known).as_str() < path;
            let index = repository.allowlists.partition_point(before);
            repository.allowlists.insert(index, Arc::new(list));
        }
    }
}

/// Errors of the environments concerned that were not there before.
fn new_errors(old: &Repository, new: &Repository, scope: &Scope, today: Date) -> Diagnostics {
    let concerned = |environment: &&Environment| match scope {
        Scope::Environment(name) => environment.name == *name,
        Scope::Shared => true,
    };
    let mut found = Diagnostics::default();
    for environment in new.environments.iter().filter(concerned) {
        let before = checked(old, environment, today);
        let key = |repository: &Repository, finding: &Diagnostic| {
            (finding.code, finding.span.map(|span| repository.sources.display(span)), finding.label.clone())
        };
        let known: Vec<_> = before.iter().map(|finding| key(old, finding)).collect();
        let after = checked(new, environment, today);
        let errors =
            after.into_iter().filter(|finding| finding.severity == crate::diagnostic::Severity::Error);
        found.extend(errors.filter(|finding| !known.contains(&key(new, finding))).collect());
    }
    found
}

/// What compiling an environment finds, and which attacks it would no longer report.
fn checked(repository: &Repository, environment: &Environment, today: Date) -> Diagnostics {
    let analyses = Analyses::default();
    let (desired, mut found) = compile_with(&analyses, repository, environment, today);
    found.extend(Verifier::new(repository, &analyses, today).promises(environment, &desired));
    found
}

/// `1 entry`, `3 entries`.
pub(super) fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}
