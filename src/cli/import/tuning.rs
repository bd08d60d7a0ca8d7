//! `import files --extract-allowlist`: into which environments' allowlists the exclusions go.

use std::path::Path;
use std::sync::Arc;

use crate::compile::{Analyses, Known, platform_of};
use crate::diagnostic::did_you_mean;
use crate::import::Draft;
use crate::import::extract::{of_draft, reached_slots};
use crate::kql::schema::{Platform, Schema};
use crate::load::load;
use crate::model::Repository;
use crate::model::environment::Environment;

use super::super::failure::Failure;
use super::super::settings::Settings;
use super::extract::{Account, ExtractArgs, Moved, files};

/// The folder of lists that environments take by name.
const SHARED: &str = "_shared";

/// Where exclusions go, and what was done so far.
pub(super) struct Tuning {
    repository: Repository,
    analyses: Analyses,
    built_in: [Schema; 2],
    /// Folders below `environments/`.
    folders: Vec<String>,
    /// Not every environment: rules with lists are for these alone.
    narrowed: bool,
    account: Account,
}

impl Tuning {
    /// `None` when nothing is to be moved.
    pub(super) fn new(
        root: &Path,
        args: &ExtractArgs,
        wanted: &[String],
        settings: &Settings,
    ) -> Result<Option<Self>, Failure> {
        let (repository, _) = load(root);
        let Some(terms) = args.terms(&repository.project.allowlist, settings)? else { return Ok(None) };
        let all: Vec<String> = repository.environments.iter().map(|one| one.name.clone()).collect();
        let shared = wanted.iter().any(|name| name == SHARED);
        if shared && wanted.len() > 1 {
            return Err(Failure::error("`_shared` stands for all environments")
                .help("name it alone, or name environments"));
        }
        let unknown = wanted.iter().find(|name| *name != SHARED && !all.contains(name));
        if let Some(name) = unknown {
            let near = did_you_mean(name, all.iter().map(String::as_str));
            let help = near.map_or_else(
                || format!("there are: {}", all.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Failure::error(format!("there is no environment `{name}`")).help(help));
        }
        let folders = match (wanted, all.as_slice()) {
            ([], []) => vec![SHARED.to_owned()],
            ([], all) => all.to_vec(),
            (wanted, _) => wanted.to_vec(),
        };
        let narrowed = !shared && all.iter().any(|name| !folders.contains(name));
        let built_in = [Platform::Xdr, Platform::Sentinel].map(Schema::built_in);
        let account = Account::new(terms);
        Ok(Some(Self { repository, analyses: Analyses::default(), built_in, folders, narrowed, account }))
    }

    pub(super) fn terms(&self) -> &crate::import::extract::Terms {
        &self.account.terms
    }

    /// Moves what can be moved out of a draft's query. `path` is the rule's file.
    pub(super) fn split(&self, draft: &mut Draft, path: &str) -> Moved {
        let shared = self.folders.iter().any(|folder| folder == SHARED);
        let environments: Vec<&Environment> = self
            .repository
            .environments
            .iter()
            .filter(|environment| shared || self.folders.contains(&environment.name))
            .collect();
        let known = self.known(draft, &environments);
        let mut schemas: Vec<&Schema> = known.iter().map(|known| &known.schema).collect();
        if schemas.is_empty() {
            let [xdr, sentinel] = &self.built_in;
            schemas.extend(draft.defender.iter().map(|_| xdr));
            schemas.extend(draft.sentinel.iter().map(|_| sentinel));
        }
        let taken = reached_slots(&self.repository, &environments, &draft.id);
        let split = of_draft(draft, &schemas, &taken, self.terms());
        let (lists, kept) = split.map_or_else(Default::default, |split| (split.lists, split.kept));
        if self.narrowed && !lists.is_empty() {
            // Elsewhere the rule would lack its exclusions.
            draft.environments.clone_from(&self.folders);
        }
        Moved { path: path.to_owned(), lists: files(lists, &self.folders, &draft.id), kept }
    }

    /// What the environments that would deploy a rule know of its platforms.
    fn known(&self, draft: &Draft, environments: &[&Environment]) -> Vec<Arc<Known>> {
        let mut known: Vec<Arc<Known>> = Vec::new();
        for environment in environments {
            let defender = draft.defender.is_some() && environment.defender.is_some();
            let workspace = environment.sentinel.first().filter(|_| draft.sentinel.is_some());
            let targets = defender
                .then_some(crate::address::Target::Defender)
                .into_iter()
                .chain(workspace.map(|one| crate::address::Target::Sentinel(Arc::clone(&one.value))));
            for target in targets {
                let platform = platform_of(&target, environment);
                let one = self.analyses.schema(&self.repository, environment, platform);
                if !known.iter().any(|known| Arc::ptr_eq(known, &one)) {
                    known.push(one);
                }
            }
        }
        known
    }

    /// Notes what was done.
    pub(super) fn account(&mut self, moved: Moved) {
        self.account.rules.push(moved);
    }

    /// The account, with what the audit says of what was written.
    pub(super) fn finish(mut self, root: &Path, dry_run: bool) -> Account {
        if !dry_run {
            self.account.audit(root);
        }
        let prefix = format!("environments/{SHARED}/allowlists/");
        let shared: Vec<String> = self
            .account
            .lists()
            .filter_map(|(path, _)| {
                let name = path.strip_prefix(&prefix)?.strip_suffix(".yaml")?;
                Some(format!("{SHARED}/{name}"))
            })
            .collect();
        if !shared.is_empty() {
            self.account.next.push(format!(
                "An environment takes these lists only when it names them; until then it deploys the rules unfiltered: \
                 allowlists: [{}]",
                shared.join(", ")
            ));
        }
        self.account
    }
}
