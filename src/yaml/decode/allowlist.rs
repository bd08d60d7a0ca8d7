//! `allowlists/**/*.yaml`: who is silenced where, why, and until when. The conditions are in `predicate`.

use super::environment::rule_glob;
use super::object::{Object, one_or_many};
use super::predicate::predicates;
use super::scalar::{boolean, date, invalid, line, text, word};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::allowlist::{Allowlist, Entry, RulePattern, Scope, StrengthException};
use crate::model::rule::Strength;
use crate::source::Spanned;
use crate::yaml::{Node, NodeKind};

/// Every key of an allowlist.
pub(crate) const KEYS: &[&str] = &["rules", "slot", "sensitive", "entries"];
/// Every key of an entry.
pub(crate) const ENTRY_KEYS: &[&str] =
    &["id", "reason", "owner", "ticket", "created", "expires", "required", "exception", "match"];

/// An allowlist; `name` and `scope` come from its path.
#[must_use]
pub fn allowlist(document: &Node, name: &str, scope: Scope, out: &mut Diagnostics) -> Option<Allowlist> {
    let file = Object::open_file(document, "an allowlist", KEYS, out)?;
    let start = file.entries().first().map_or(file.span(), |(key, _)| key.span);
    let rules = file.required("rules", out, rules);
    let entries = file.required("entries", out, |node, out| {
        let found = super::object::list(node, out, entry)?;
        if matches!(&node.kind, NodeKind::Seq(items) if items.is_empty()) {
            out.push(
                Diagnostic::error(codes::EMPTY_VALUE, "the allowlist has no entries")
                    .labelled(node.span, "an empty list")
                    .with_help("remove the file, or write an entry"),
            );
        }
        Some(found)
    });
    check_ids(entries.as_deref().unwrap_or_default(), out);
    Some(Allowlist {
        name: name.to_owned(),
        scope,
        slot: file.optional("slot", out, slot).unwrap_or_else(|| Spanned::new("main".to_owned(), start)),
        sensitive: file.optional("sensitive", out, boolean).is_some_and(|found| found.value),
        rules: rules?,
        entries: entries?,
        span: file.span(),
    })
}

fn rules(node: &Node, out: &mut Diagnostics) -> Option<Vec<Spanned<RulePattern>>> {
    let empty = match &node.kind {
        NodeKind::Seq(items) => items.is_empty(),
        NodeKind::Str(text) => text.value.trim().is_empty(),
        _ => false,
    };
    if empty {
        out.push(
            Diagnostic::error(codes::ALLOWLIST_RULES, "the allowlist names no rules")
                .labelled(node.span, "an empty list")
                .with_help("name rules by id or glob; `any` applies it to every rule that has the slot"),
        );
        return None;
    }
    one_or_many(node, out, |node, out| {
        let found = rule_glob(node, out)?;
        if found.value.chars().all(|c| c == '*' || c == '?') {
            out.push(
                invalid(node.span, "a glob that matches every rule", "this is every rule")
                    .with_help("spell it out: `any`"),
            );
            return None;
        }
        Some(found.map(|text| if text == "any" { RulePattern::Any } else { RulePattern::Glob(text) }))
    })
}

fn slot(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    super::scalar::made_of(
        |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'),
        60,
        "letters, digits, `-`, `_` and `.`",
    )(node, out)
}

fn entry(node: &Node, out: &mut Diagnostics) -> Option<Entry> {
    let object = Object::open(node, "an entry", ENTRY_KEYS, out)?;
    let id = object.required("id", out, |node, out| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        super::scalar::made_of(allowed, 100, "letters, digits, `-`, `_` and `.`, at most 100")(node, out)
    });
    let reason = object.required("reason", out, text);
    let owner = object.required("owner", out, line);
    let expires = object.required("expires", out, date);
    if !object.has("expires") {
        explain_expiry(out);
    }
    let predicates = object.required("match", out, predicates);
    let created = object.optional("created", out, date);
    if let (Some(created), Some(expires)) = (&created, &expires)
        && expires.value <= created.value
    {
        out.push(
            invalid(expires.span, "the entry expires before it begins", "not after `created`")
                .with_related(created.span, "created here"),
        );
    }
    Some(Entry {
        ticket: object.optional("ticket", out, line),
        created,
        // Fail closed: letting an entry lapse is a decision that somebody writes down.
        required: object.optional("required", out, boolean).is_none_or(|found| found.value),
        exception: object.optional("exception", out, exception),
        id: id?,
        reason: reason?,
        owner: owner?,
        expires: expires?,
        predicates: predicates?,
        span: object.span(),
    })
}

fn exception(node: &Node, out: &mut Diagnostics) -> Option<StrengthException> {
    let object = Object::open(node, "an exception", &["approver", "reason", "strength"], out)?;
    let approver = object.required("approver", out, line);
    let reason = object.required("reason", out, text);
    let strength = object.optional("strength", out, word(&Strength::NAMES));
    Some(StrengthException {
        approver: approver?,
        reason: reason?,
        strength: strength.map_or(Strength::Weak, |found| found.value),
    })
}

fn explain_expiry(out: &mut Diagnostics) {
    let missing = out.iter_mut().filter(|finding| finding.code == codes::MISSING_KEY);
    if let Some(finding) = missing.last() {
        finding.help =
            Some("write the first day on which it no longer holds: expires: 2027-05-01".to_owned());
    }
}

fn check_ids(entries: &[Entry], out: &mut Diagnostics) {
    let mut seen = std::collections::HashMap::with_capacity(entries.len());
    for entry in entries {
        if let Some(first) = seen.get(entry.id.value.as_str()) {
            out.push(
                Diagnostic::error(codes::DUPLICATE_NAME, "two entries have the same id")
                    .labelled(entry.id.span, "used before in this file")
                    .with_related(*first, "first used here"),
            );
        } else {
            seen.insert(entry.id.value.as_str(), entry.id.span);
        }
    }
}
