//! What is deployed, as rule files whose first plan is empty: `(Repository, Environment, what is there) -> Import`.
//!
//! A rule is imported only when its file compiles, in this environment and beside everything else that is in the
//! repository, to exactly what is deployed. One that does not is held back with the reason: a repository with it would
//! either not compile or change the rule at the first apply. Whatever is not imported is listed with the reason, nothing
//! is passed over. Pure, like a plan. Start with [`import`]; `candidate` makes the drafts, `verify` compares.

use jiff::civil::Date;

use super::candidate::{Candidate, candidate};
use super::extract::Terms;
use super::extract::live::{Tuning, split};
use super::slug::{Ids, slug};
use super::verify::verify;
use super::write::yaml;
use super::{Draft, Fate, Properties};
use crate::address::{Address, Target, matches_glob};
use crate::model::Repository;
use crate::model::environment::{Environment, Presence};
use crate::model::rule::Status;
use crate::plan::TargetState;
use crate::resource::{Kind, Live, Resource};

/// What an import is made of.
#[derive(Debug)]
pub struct Input<'a> {
    /// What is in the repository already.
    pub repository: &'a Repository,
    /// Whose rules are imported.
    pub environment: &'a Environment,
    /// What the environment takes and compiles to now.
    pub desired: &'a [Resource],
    /// What is there, one entry per target.
    pub states: &'a [TargetState],
    /// Names, ids or addresses of rules, or globs of them; empty: all.
    pub select: &'a [String],
    /// The day (UTC), for compiling.
    pub today: Date,
    /// What entries say that hand-written exclusions become; `None`: queries stay as they are.
    pub extract: Option<&'a Terms>,
}

/// The outcome.
#[derive(Debug, Default)]
pub struct Import {
    /// Rules with a file, by address.
    pub rules: Vec<Imported>,
    /// Rules whose file would not do, by address.
    pub held: Vec<Held>,
    /// Every other rule that was found, by address.
    pub left: Vec<Left>,
}

/// A rule with its file.
#[derive(Debug)]
pub struct Imported {
    /// Where it was found: `sentinel/law-soc:ID`, with the platform's id. Several for one rule in several workspaces.
    pub found: Vec<String>,
    /// What the file says.
    pub draft: Draft,
    /// The file's text.
    pub text: String,
    /// What became of the exclusions in its query.
    pub tuning: Tuning,
}

/// A rule whose file would not compile to what is deployed.
#[derive(Debug)]
pub struct Held {
    /// Where it was found.
    pub found: Vec<String>,
    /// Its display name.
    pub name: String,
    /// Why, each with the next step.
    pub reasons: Vec<String>,
    /// What to keep of it.
    pub kept: Kept,
}

/// What is kept of a rule that is held back.
#[derive(Debug)]
pub enum Kept {
    /// The file as it would be, to be corrected by a person: id and text.
    File(String, String),
    /// Everything that the service said, because nothing is known about the kind: id and JSON.
    Raw(String, Properties),
}

/// A rule that needs no file of ours, or may not have one.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it was found.
    pub found: String,
    /// Its display name.
    pub name: String,
    /// Why: `here` (a file stands for it), `foreign`, `not_selected`.
    pub class: &'static str,
    /// The file's rule, or the owner.
    pub detail: String,
}

/// Why an import makes no sense at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hopeless {
    /// `lifecycle` makes rules of every status absent.
    Lifecycle,
    /// This selection fits nothing that is there: most likely a slip of the pen.
    Selection(String),
}

/// Drafts a file for every rule that is there, and keeps those that compile to what is there.
///
/// # Errors
/// When the environment cannot take any rule.
pub fn import(input: &Input<'_>) -> Result<Import, Hopeless> {
    let status = status(input.environment).ok_or(Hopeless::Lifecycle)?;
    if let Some(glob) = input.select.iter().find(|glob| !fits_anything(input, glob)) {
        return Err(Hopeless::Selection(glob.clone()));
    }
    let mut import = Import::default();
    let mut candidates = Vec::new();
    for state in input.states {
        for live in &state.live {
            match sort_out(input, state, live) {
                Some(left) => import.left.push(left),
                None => candidates.push(candidate(input, state, live, status)),
            }
        }
    }
    // Ids do not depend on the order in which a service lists.
    candidates.sort_by(|a, b| (&a.live.name, &a.found).cmp(&(&b.live.name, &b.found)));
    let candidates = in_several_workspaces(candidates);
    number(input, candidates, &mut import);
    import.rules.sort_by(|a, b| a.draft.id.cmp(&b.draft.id));
    if let Some(terms) = input.extract {
        let tuning = split(input, &mut import.rules, terms);
        import.rules.iter_mut().zip(tuning).for_each(|(rule, tuning)| rule.tuning = tuning);
    }
    import.held.sort_by(|a, b| a.found.cmp(&b.found));
    import.left.sort_by(|a, b| a.found.cmp(&b.found));
    Ok(import)
}

/// The status that imported rules get: the first of these that the environment deploys at all.
fn status(environment: &Environment) -> Option<Status> {
    let wanted = [Status::Production, Status::Test, Status::Experimental, Status::Deprecated];
    wanted.into_iter().find(|status| environment.lifecycle.presence(*status) != Presence::Absent)
}

/// Why a rule is no candidate.
fn sort_out(input: &Input<'_>, state: &TargetState, live: &Live) -> Option<Left> {
    let found = Address { target: state.target.clone(), rule: live.remote_id.clone() }.to_string();
    let left = |class, detail: &str| {
        Some(Left { found: found.clone(), name: live.name.clone(), class, detail: detail.to_owned() })
    };
    if let Some(marker) = live.marker.as_ref().filter(|marker| marker.owner != input.environment.owner.value)
    {
        return left("foreign", &marker.owner);
    }
    if let Some(resource) = input.desired.iter().find(|resource| stands_for(resource, &state.target, live)) {
        return left("here", &resource.address.rule);
    }
    if !input.select.is_empty() && !input.select.iter().any(|glob| is_chosen(glob, &found, live)) {
        return left("not_selected", "no --select fits");
    }
    None
}

fn fits_anything(input: &Input<'_>, glob: &str) -> bool {
    input.states.iter().any(|state| {
        state.live.iter().any(|live| is_chosen(glob, &format!("{}:{}", state.target, live.remote_id), live))
    })
}

/// By name, platform id, address, or the id that its file would have; case does not count.
fn is_chosen(glob: &str, found: &str, live: &Live) -> bool {
    let glob = glob.to_lowercase();
    let fits = |name: &str| matches_glob(&glob, &name.to_lowercase());
    fits(&live.name) || fits(&live.remote_id) || fits(found) || fits(&slug(&live.name))
}

/// A file of the environment stands for the rule already: it has its id, or our marker names it.
fn stands_for(resource: &Resource, target: &Target, live: &Live) -> bool {
    let named = live.marker.as_ref().is_some_and(|marker| marker.rule == resource.address.rule);
    resource.address.target == *target && (named || resource.remote_id.eq_ignore_ascii_case(&live.remote_id))
}

/// One file for a rule that several workspaces hold under one id with one content.
fn in_several_workspaces(candidates: Vec<Candidate<'_>>) -> Vec<Candidate<'_>> {
    let mut joined: Vec<Candidate<'_>> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let twin = joined.iter_mut().find(|other| other.is_same_elsewhere(&candidate));
        match twin {
            Some(other) => other.join(candidate),
            None => joined.push(candidate),
        }
    }
    joined
}

/// Gives each candidate an id of its own, and its file if that compiles to what is deployed.
fn number(input: &Input<'_>, candidates: Vec<Candidate<'_>>, import: &mut Import) {
    let mut ids = Ids::new(input.repository.rules.iter().flat_map(|rule| {
        let previous = rule.previous_ids.iter().map(|id| id.value.to_string());
        previous.chain([rule.id.to_string()]).collect::<Vec<_>>()
    }));
    let mut known = Vec::new();
    for mut candidate in candidates {
        let ours = candidate.live.marker.as_ref().map(|marker| marker.rule.as_str());
        candidate.draft.id = match ours {
            Some(rule) if ids.claim_exactly(rule) => rule.to_owned(),
            _ => ids.claim(&candidate.draft.name),
        };
        if let Kind::Other(kind) = &candidate.live.kind {
            import.held.push(unknown(&candidate, kind));
        } else {
            candidate.pin(&input.environment.owner.value);
            known.push(candidate);
        }
    }
    let reasons = verify(input, &known);
    for (candidate, reasons) in known.into_iter().zip(reasons) {
        let text = yaml(&candidate.draft.document());
        if reasons.is_empty() {
            let tuning = Tuning::default();
            import.rules.push(Imported { found: candidate.found, draft: candidate.draft, text, tuning });
        } else {
            // A mandatory value that no rule file can hold is missing in the file, and this says where it went.
            let kept = candidate.draft.remarks.iter().filter(|remark| remark.fate == Fate::Kept);
            let kept = kept.map(|remark| format!("kept {}: {}", remark.what, remark.why));
            import.held.push(Held {
                found: candidate.found,
                name: candidate.live.name.clone(),
                reasons: reasons.into_iter().chain(kept).collect(),
                kept: Kept::File(candidate.draft.id, text),
            });
        }
    }
}

fn unknown(candidate: &Candidate<'_>, kind: &str) -> Held {
    let live = candidate.live;
    let mut raw = Properties::new();
    raw.insert("name".into(), live.remote_id.as_str().into());
    raw.insert("kind".into(), kind.into());
    raw.insert("properties".into(), live.body.clone().into());
    Held {
        found: candidate.found.clone(),
        name: live.name.clone(),
        reasons: vec![format!(
            "this version does not know rules of the kind `{kind}`; it is left alone in the tenant"
        )],
        kept: Kept::Raw(candidate.draft.id.clone(), raw),
    }
}
