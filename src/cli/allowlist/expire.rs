//! `palisade allowlist expire ENTRY`: the entry no longer holds, from today on.

use std::path::Path;

use crate::allowlist::edit;
use crate::diagnostic::did_you_mean;
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, Entry, Scope};

use super::super::failure::{Exit, Failure};
use super::super::repository::{EnvironmentArgs, Opened, open};
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::change::{self, Changed};

/// Arguments of `allowlist expire`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExpireArgs {
    /// The entry's id, or `FILE#ENTRY` as other commands print it
    entry: String,
    #[command(flatten)]
    environments: EnvironmentArgs,
}

pub(super) fn run(args: &ExpireArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    opened.require_sound(ui)?;
    let today = settings.today()?;
    let (list, entry) = find(&opened, args)?;
    let sources = &opened.repository.sources;
    let path = sources.path(list.span.file);
    if entry.expires.value <= today {
        ui.say(&format!("{path}#{} expired on {} already.", entry.id.value, entry.expires.value));
        return Ok(Exit::Done);
    }
    let text = sources.file(list.span.file).map_or("", |file| &*file.text);
    let text = edit::expire(text, entry, today)
        .map_err(|error| Failure::error(format!("{path} cannot be edited")).caused_by(&error))?;
    let changed = Changed { path, name: &list.name, scope: &list.scope, text: &text };
    change::write(&opened, &changed, today, ui)?;
    ui.say(&format!(
        "{path}#{} no longer holds from {today} on. It is deployed so with the next apply; remove it when nobody misses it.",
        entry.id.value
    ));
    Ok(Exit::Done)
}

/// The one entry that is meant.
fn find<'a>(opened: &'a Opened, args: &ExpireArgs) -> Result<(&'a Allowlist, &'a Entry), Failure> {
    let repository = &opened.repository;
    let chosen = if !args.environments.is_given() { None } else { Some(opened.choose(&args.environments)?) };
    let (file, id) =
        args.entry.rsplit_once('#').map_or((None, args.entry.as_str()), |(file, id)| (Some(file), id));
    let is_meant = |list: &Allowlist| {
        let here = chosen.as_ref().is_none_or(|chosen| match &list.scope {
            Scope::Environment(name) => chosen.iter().any(|one| one.name == *name),
            Scope::Shared => false,
        });
        (here || file.is_some()) && file.is_none_or(|file| repository.sources.path(list.span.file) == file)
    };
    let lists = repository.allowlists.iter().map(AsRef::as_ref).filter(|list| is_meant(list));
    let all: Vec<(&Allowlist, &Entry)> =
        lists.flat_map(|list| list.entries.iter().map(move |entry| (list, entry))).collect();
    let found: Vec<_> = all.iter().copied().filter(|(_, entry)| entry.id.value == id).collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => {
            let failure = Failure::error(format!("there is no allowlist entry `{}`", args.entry));
            Err(match did_you_mean(id, all.iter().map(|(_, entry)| entry.id.value.as_str())) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help("`palisade allowlist list` shows them all"),
            })
        }
        several => Err(Failure::error(format!("there are {} entries `{id}`", several.len()))
            .help(format!("say which: {}", names(repository, several)))),
    }
}

fn names(repository: &Repository, entries: &[(&Allowlist, &Entry)]) -> String {
    let names = entries
        .iter()
        .map(|(list, entry)| format!("{}#{}", repository.sources.path(list.span.file), entry.id.value));
    names.collect::<Vec<_>>().join(", ")
}
