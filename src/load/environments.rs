//! `environments/`: environment files, what they extend, their allowlists, watchlists and schemas.

use std::collections::HashMap;
use std::sync::Arc;

use super::files::{Files, Found, start_of};
use super::{document, text};
use crate::diagnostic::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::model::Repository;
use crate::model::allowlist::Scope;
use crate::parallel;
use crate::yaml::decode::{allowlist, environment, object, schema, watchlist};
use crate::yaml::{Node, NodeKind, merge, read};

const FOLDER: &str = "environments";
/// Holds the shared allowlists; never an environment.
const SHARED: &str = "_shared";
const ENVIRONMENT_FILE: &str = "environment.yaml";

/// Reads everything below `environments/`; gives back the names of all shared allowlist files, decoded or not.
pub(super) fn load(files: &mut Files, repository: &mut Repository, out: &mut Diagnostics) -> Vec<String> {
    let folders = files.folders(FOLDER, &mut repository.sources, out);
    let (bases, names): (Vec<String>, Vec<String>) =
        folders.into_iter().partition(|name| name.starts_with('_'));
    let bases = load_bases(&bases, files, repository, out);
    let shared = load_allowlists(SHARED, &Scope::Shared, files, repository, out);
    load_watchlists(SHARED, &Scope::Shared, files, repository, out);
    for name in names {
        load_environment(&name, &bases, files, repository, out);
        load_allowlists(&name, &Scope::Environment(name.clone()), files, repository, out);
        load_watchlists(&name, &Scope::Environment(name.clone()), files, repository, out);
        load_schemas(&name, files, repository, out);
    }
    shared
}

/// The documents that environments may extend, by folder name. They may extend nothing themselves.
fn load_bases(
    names: &[String],
    files: &mut Files,
    repository: &mut Repository,
    out: &mut Diagnostics,
) -> HashMap<String, Option<Node>> {
    let mut bases = HashMap::new();
    for name in names.iter().filter(|name| *name != SHARED) {
        let path = format!("{FOLDER}/{name}/{ENVIRONMENT_FILE}");
        let Some(found) = files.file(&path, &mut repository.sources, out) else { continue };
        let base = document(&found, files, repository, out).map(|(node, _)| node);
        if let Some(extends) = base.as_ref().and_then(|node| node.get("extends")) {
            out.push(
                Diagnostic::error(codes::ENVIRONMENT_EXTENDS, "a base extends another one")
                    .labelled(extends.span, "there is one level only")
                    .with_help("remove the key, and write the settings here"),
            );
        }
        bases.insert(name.clone(), base);
    }
    bases
}

fn load_environment(
    name: &str,
    bases: &HashMap<String, Option<Node>>,
    files: &mut Files,
    repository: &mut Repository,
    out: &mut Diagnostics,
) {
    let folder = format!("{FOLDER}/{name}");
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.chars().all(usable) {
        out.push(
            Diagnostic::error(codes::UNSAFE_PATH, "not a name for an environment")
                .at(start_of(&folder, &mut repository.sources))
                .with_help("use letters, digits, `-`, `_` and `.`: the name is typed after `-e`"),
        );
        return;
    }
    let Some(found) = files.file(&format!("{folder}/{ENVIRONMENT_FILE}"), &mut repository.sources, out)
    else {
        out.push(
            Diagnostic::error(codes::STRAY_FILE, "an environment without an environment.yaml")
                .at(start_of(&folder, &mut repository.sources))
                .with_help(format!(
                    "write {folder}/{ENVIRONMENT_FILE}, or start the folder's name with `_` if it is not an environment"
                )),
        );
        return;
    };
    let Some((own, _)) = document(&found, files, repository, out) else { return };
    let Some(whole) = extended(&own, bases, out) else { return };
    let decoded = environment::environment(&whole, name, out);
    repository.environments.extend(decoded);
}

/// The environment's document laid over the one it extends; `None` when that one is missing or broken.
fn extended(own: &Node, bases: &HashMap<String, Option<Node>>, out: &mut Diagnostics) -> Option<Node> {
    let Some(extends) = own.get("extends") else { return Some(own.clone()) };
    let Some(name) = extends.as_str() else {
        out.push(object::wrong_type(extends, "a string"));
        return None;
    };
    match bases.get(name) {
        Some(Some(base)) if matches!(base.kind, NodeKind::Map(_)) => Some(merge::merge(base, own)),
        Some(Some(base)) if base.kind == NodeKind::Null => Some(own.clone()),
        Some(Some(base)) => {
            out.push(object::wrong_type(base, "a mapping"));
            None
        }
        Some(None) => None,
        None => {
            let near = did_you_mean(name, bases.keys().map(String::as_str));
            let help = near.map_or_else(
                || "only folders whose name starts with `_` can be extended, for example `_base`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            out.push(
                Diagnostic::error(codes::ENVIRONMENT_EXTENDS, "nothing to extend")
                    .labelled(
                        extends.span,
                        format!("there is no {FOLDER}/{}/{ENVIRONMENT_FILE}", object::shown(name)),
                    )
                    .with_help(help),
            );
            None
        }
    }
}

/// Reads `environments/<folder>/allowlists/**`; gives back the names of all files there.
fn load_allowlists(
    folder: &str,
    scope: &Scope,
    files: &mut Files,
    repository: &mut Repository,
    out: &mut Diagnostics,
) -> Vec<String> {
    let root = format!("{FOLDER}/{folder}/allowlists");
    let found = files.tree(&root, &["yaml", "yml"], &mut repository.sources, out);
    let names: Vec<String> = found.iter().map(|file| allowlist_name(file, &root, scope)).collect();
    let texts =
        found.iter().zip(&names).filter_map(|(file, name)| Some((name, text(file, files, repository, out)?)));
    let texts: Vec<_> = texts.collect();
    let decoded = parallel::map(&texts, |(name, (text, id))| {
        let document = read::read(text, *id)?;
        let mut problems = Diagnostics::default();
        let list = allowlist::allowlist(&document, name, scope.clone(), &mut problems);
        let sensitive = document.get("sensitive").is_some_and(|node| node.kind != NodeKind::Bool(false));
        Ok::<_, Diagnostics>((list, problems, sensitive.then_some(*id)))
    });
    for one in decoded {
        match one {
            Ok((list, problems, sensitive)) => {
                out.extend(problems);
                sensitive.into_iter().for_each(|id| repository.sources.mark_sensitive(id));
                repository.allowlists.extend(list.map(Arc::new));
            }
            Err(problems) => out.extend(problems),
        }
    }
    names
}

/// Reads `environments/<folder>/watchlists/**`.
fn load_watchlists(
    folder: &str,
    scope: &Scope,
    files: &mut Files,
    repository: &mut Repository,
    out: &mut Diagnostics,
) {
    let root = format!("{FOLDER}/{folder}/watchlists");
    let found = files.tree(&root, &["yaml", "yml"], &mut repository.sources, out);
    for file in found {
        let Some((document, _)) = document(&file, files, repository, out) else { continue };
        let decoded = watchlist::watchlist(&document, file.stem(), scope.clone(), out);
        repository.watchlists.extend(decoded.map(Arc::new));
    }
}

/// Reads `environments/<name>/schema/**`.
fn load_schemas(name: &str, files: &mut Files, repository: &mut Repository, out: &mut Diagnostics) {
    let found = files.tree(&format!("{FOLDER}/{name}/schema"), &["json"], &mut repository.sources, out);
    for file in found {
        let Some((document, _)) = document(&file, files, repository, out) else { continue };
        repository.schemas.extend(schema::schema(&document, name, out).map(Arc::new));
    }
}

fn allowlist_name(file: &Found, root: &str, scope: &Scope) -> String {
    let below = file.without_extension().strip_prefix(root).unwrap_or("").trim_start_matches('/');
    match scope {
        Scope::Shared => format!("{SHARED}/{below}"),
        Scope::Environment(_) => below.to_owned(),
    }
}
