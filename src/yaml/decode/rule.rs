//! `rules/**/<id>.yaml`: what a rule is; where it is deployed is in `defender` and `sentinel`.

use super::object::{Object, list, one_or_many, shown};
use super::scalar::{boolean, date, invalid, line, located, not_one_of, rule_id, text, word};
use super::{defender, sentinel};
use crate::address::RuleId;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::attack::{TACTICS, split_technique};
use crate::model::defender::Defender;
use crate::model::rule::{
    Attack, ChangelogEntry, Query, Rule, Severity, Silence, SlotPolicy, Status, Strength,
};
use crate::model::sentinel::Sentinel;
use crate::source::Spanned;
use crate::yaml::Node;

/// Every key of a rule file.
pub(crate) const KEYS: &[&str] = &[
    "id",
    "name",
    "previous_ids",
    "status",
    "enabled",
    "severity",
    "description",
    "attack",
    "references",
    "false_positives",
    "blind_spots",
    "response",
    "owner",
    "tags",
    "data_sources",
    "environments",
    "protect",
    "query",
    "allowlist",
    "defender",
    "sentinel",
    "changelog",
    "silence",
    "tests",
];

/// A rule from its document.
///
/// `external_query` is the text of the sibling `.kql` file; when it is the document's own query (a rule that is read
/// again under an override), it counts once. `file_stem` is checked against the id when given. The rule is given whenever
/// its mandatory keys could be read, even beside errors, so that further checks can run.
#[must_use]
pub fn decode_rule(
    document: &Node,
    external_query: Option<Query>,
    file_stem: Option<&str>,
) -> (Option<Rule>, Diagnostics) {
    let mut out = Diagnostics::default();
    let rule = rule(document, external_query, file_stem, &mut out);
    (rule, out)
}

fn rule(
    document: &Node,
    external_query: Option<Query>,
    file_stem: Option<&str>,
    out: &mut Diagnostics,
) -> Option<Rule> {
    let file = Object::open_file(document, "a rule", KEYS, out)?;
    let id = file.required("id", out, rule_id);
    if let (Some(id), Some(stem)) = (&id, file_stem) {
        check_stem(id, stem, out);
    }
    let name = file.required("name", out, line);
    let status = file.required("status", out, word(&Status::NAMES));
    let defender = file.optional("defender", out, defender::defender);
    let sentinel = file.optional("sentinel", out, sentinel::sentinel);
    let severity = severity(&file, file.has("defender"), sentinel.as_ref(), out);
    let query = shared_query(&file, external_query, out);
    check_deployment(&file, query.as_ref(), defender.as_ref(), sentinel.as_ref(), out);
    // Fields are evaluated in this order: everything optional is read before a missing mandatory key ends it.
    Some(Rule {
        previous_ids: file.list("previous_ids", out, rule_id),
        enabled: file.optional("enabled", out, boolean),
        description: file.optional("description", out, text),
        attack: file.list("attack", out, attack),
        references: file.list("references", out, line),
        false_positives: file.optional("false_positives", out, texts).unwrap_or_default(),
        blind_spots: file.optional("blind_spots", out, texts).unwrap_or_default(),
        response: file.optional("response", out, text),
        owner: file.optional("owner", out, line),
        tags: file.list("tags", out, line),
        data_sources: file.list("data_sources", out, line),
        environments: file.list("environments", out, line),
        protect: file.optional("protect", out, boolean).is_some_and(|found| found.value),
        allowlist: file.optional("allowlist", out, slots).unwrap_or_default(),
        changelog: file.list("changelog", out, changelog),
        silence: file.list("silence", out, silence),
        tests: file.optional("tests", out, |node, _| Some(node.clone())),
        query,
        defender,
        sentinel,
        id: id?,
        name: name?,
        status: status?,
        severity: severity?,
    })
}

/// Mandatory, except for the kinds whose alerts get their severity from elsewhere.
fn severity(
    file: &Object<'_>,
    defender: bool,
    sentinel: Option<&Sentinel>,
    out: &mut Diagnostics,
) -> Option<Spanned<Severity>> {
    let read = word(&Severity::NAMES);
    let place = match sentinel {
        _ if defender || file.has("severity") || !file.has("sentinel") => None,
        Some(section) if section.kind.has_query() => None,
        Some(section) => Some(section.kind.span),
        // The section could not be read: whether its kind has a severity is not known.
        None => Some(file.span()),
    };
    match place {
        Some(place) => Some(Spanned::new(Severity::Informational, place)),
        None => file.required("severity", out, read),
    }
}

/// The shared query: inline or in the sibling file, not both.
fn shared_query(file: &Object<'_>, external: Option<Query>, out: &mut Diagnostics) -> Option<Query> {
    let inline = file.optional("query", out, query);
    let external = external.filter(|own| inline.as_ref().is_none_or(|inline| inline.span != own.span));
    if let (Some(inline), Some(external)) = (&inline, &external) {
        out.push(
            Diagnostic::error(codes::RULE_QUERY, "the rule has two queries")
                .labelled(inline.span, "one is written here")
                .with_related(external.span, "the other is this file")
                .with_help("keep one of them"),
        );
    }
    inline.or(external)
}

fn check_deployment(
    file: &Object<'_>,
    query: Option<&Query>,
    defender: Option<&Defender>,
    sentinel: Option<&Sentinel>,
    out: &mut Diagnostics,
) {
    if !file.has("defender") && !file.has("sentinel") {
        let place = file.missing("sentinel").span.unwrap_or(file.span());
        out.push(
            Diagnostic::warning(codes::RULE_NOWHERE, "the rule is deployed nowhere")
                .labelled(place, "neither `defender` nor `sentinel` is there")
                .with_help("add `defender:` or `sentinel:`"),
        );
        return;
    }
    // A section or query that could not be read has been reported already.
    let needs = defender.is_some_and(|section| section.query.is_none())
        || sentinel.is_some_and(|section| section.query.is_none() && section.kind.has_query());
    if query.is_none() && !file.has("query") && needs {
        let mut finding = file
            .missing("query")
            .with_help("write it here, or into a file of the same name with the extension .kql");
        finding.code = codes::RULE_QUERY;
        out.push(finding);
    }
}

fn check_stem(id: &Spanned<RuleId>, stem: &str, out: &mut Diagnostics) {
    if id.value.as_str() != stem {
        out.push(
            Diagnostic::error(codes::RULE_ID, "the id differs from the file's name")
                .labelled(id.span, format!("the file is called `{}`", shown(stem)))
                .with_help(format!("rename the file to {}.yaml, or change the id", id.value)),
        );
    }
}

/// A query, inline.
pub(super) fn query(node: &Node, out: &mut Diagnostics) -> Option<Query> {
    Some(Query { text: located(node, out)?, span: node.span })
}

fn texts(node: &Node, out: &mut Diagnostics) -> Option<Vec<Spanned<String>>> {
    one_or_many(node, out, text)
}

fn attack(node: &Node, out: &mut Diagnostics) -> Option<Attack> {
    let object = Object::open(node, "an ATT&CK entry", &["tactic", "techniques"], out)?;
    let tactic = object.required("tactic", out, tactic);
    let techniques = object.list("techniques", out, technique);
    Some(Attack { tactic: tactic?, techniques })
}

/// A tactic in the services' spelling, from that, from ATT&CK's (`Lateral Movement`, `lateral-movement`) or from its id.
fn tactic(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let found = line(node, out)?;
    let plain: String = found.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect();
    let is_meant = |(name, id): &&(&str, &str)| {
        name.eq_ignore_ascii_case(&plain) || (!id.is_empty() && id.eq_ignore_ascii_case(&plain))
    };
    if let Some((name, _)) = TACTICS.iter().find(is_meant) {
        return Some(found.map(|_| (*name).to_owned()));
    }
    out.push(not_one_of(&found, TACTICS.iter().map(|(name, _)| *name)));
    None
}

fn technique(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let found = line(node, out)?;
    if split_technique(&found).is_some() {
        return Some(found);
    }
    let upper = found.trim().to_ascii_uppercase();
    let help = match split_technique(&upper) {
        Some(_) => format!("did you mean `{upper}`?"),
        None => "a technique is T1053, a sub-technique T1053.005".to_owned(),
    };
    out.push(invalid(node.span, "not an ATT&CK technique", "not a technique id").with_help(help));
    None
}

fn slots(node: &Node, out: &mut Diagnostics) -> Option<Vec<SlotPolicy>> {
    let slots = Object::open_any(node, "a mapping from slot to policy", out)?;
    let mut found = Vec::new();
    for (key, _) in slots.entries() {
        let policy = slots.optional(&key.name, out, |node, out| {
            let object = Object::open(node, "a slot's policy", &["columns", "require"], out)?;
            Some(SlotPolicy {
                slot: Spanned::new(key.name.clone(), key.span),
                columns: object.optional("columns", out, |node, out| list(node, out, line)),
                require: object.optional("require", out, word(&Strength::NAMES)),
            })
        });
        found.extend(policy);
    }
    Some(found)
}

fn changelog(node: &Node, out: &mut Diagnostics) -> Option<ChangelogEntry> {
    let object = Object::open(node, "a changelog entry", &["version", "date", "message"], out)?;
    let version = object.required("version", out, line);
    let date = object.required("date", out, date);
    let message = object.required("message", out, text);
    Some(ChangelogEntry { version: version?, date: date?, message: message? })
}

fn silence(node: &Node, out: &mut Diagnostics) -> Option<Silence> {
    let object = Object::open(node, "a silenced lint", &["lint", "reason"], out)?;
    let lint = object.required("lint", out, line);
    let reason = object.required("reason", out, text);
    Some(Silence { lint: lint?, reason: reason? })
}
