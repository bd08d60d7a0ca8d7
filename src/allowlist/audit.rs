//! What the owners of allowlists should look at: every entry of every list, across all environments.
//!
//! Findings are ordinary diagnostics, so that they print, export and explain like all others. Errors are what stops a
//! deployment or means that the files lie: expired entries, unknown rules, missing tickets where tickets are mandatory.

use std::collections::HashMap;

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, Entry, RulePattern, Test, Value};
use crate::source::Span;

use super::codes::{ACCOUNTABLE, BROAD, DUPLICATE, EXPOSED, NEVER, SHADOWED};
use super::uses::Reach;
use super::{broad, never, shadow};

/// Words that stand where nobody answers.
const PLACEHOLDERS: [&str; 14] =
    ["todo", "tbd", "tba", "unknown", "none", "n/a", "na", "nobody", "me", "test", "xxx", "fixme", "-", "?"];
/// Values shorter than this are not looked for in other texts.
const SHORTEST_SECRET: usize = 4;

/// Audits every list as of `today` (UTC). Settled: ordered by file and place.
#[must_use]
pub fn audit(repository: &Repository, reach: &Reach, today: Date) -> Diagnostics {
    let mut out = Diagnostics::default();
    for (number, list) in repository.allowlists.iter().enumerate() {
        unknown_rules(repository, list, &mut out);
        if reach.size(number) == 0 {
            out.push(unused(list));
        }
        for entry in &list.entries {
            dates(repository, entry, today, &mut out);
            accountable(repository, entry, &mut out);
            if let Some((span, why)) = never::reason(entry) {
                out.push(NEVER.warning("allowlist entry can never match").labelled(span, why));
            }
            let reasons = broad::reasons(list, entry);
            if !reasons.is_empty() {
                out.push(
                    BROAD
                        .warning("allowlist entry is broad")
                        .labelled(entry.id.span, "describes more than one known thing")
                        .with_detail(reasons.join("; ")),
                );
            }
        }
    }
    superfluous(repository, reach, &mut out);
    exposed(repository, &mut out);
    out.settle(&repository.sources);
    out
}

/// Whether an audit with these findings fails: expired entries and errors.
#[must_use]
pub fn fails(findings: &Diagnostics) -> bool {
    findings.has_errors()
}

fn unused(list: &Allowlist) -> Diagnostic {
    let span = list.rules.first().map_or(list.span, |pattern| pattern.span);
    Diagnostic::warning("ALW-11", "allowlist reaches no rule in any environment")
        .labelled(span, "none of these rules is deployed with this slot where the list is taken")
        .with_help("remove the list; or name it under `allowlists:` of an environment that deploys the rules")
}

fn unknown_rules(repository: &Repository, list: &Allowlist, out: &mut Diagnostics) {
    for pattern in &list.rules {
        let RulePattern::Glob(text) = &pattern.value else { continue };
        let known = if text.contains(['*', '?']) {
            repository.rules.iter().any(|rule| crate::address::matches_glob(text, rule.id.as_str()))
        } else {
            // Rules are ordered by id.
            repository.rules.binary_search_by(|rule| rule.id.as_str().cmp(text)).is_ok()
        };
        if !known {
            out.push(
                Diagnostic::error("LIST-02", "the allowlist names a rule that does not exist")
                    .labelled(pattern.span, "there is no such rule"),
            );
        }
    }
}

fn dates(repository: &Repository, entry: &Entry, today: Date, out: &mut Diagnostics) {
    let policy = &repository.project.allowlist;
    let expires = entry.expires.value;
    let days = |days: u32| today.checked_add(i64::from(days).days()).unwrap_or(Date::MAX);
    if expires <= today {
        out.push(
            Diagnostic::error("ALW-02", "expired allowlist entry")
                .labelled(entry.expires.span, format!("expired on {expires}; today is {today}"))
                .with_help("check whether the noise still exists; then remove the entry, or renew `expires` with a reason"),
        );
    } else if expires > days(policy.max_ttl_days) {
        out.push(
            Diagnostic::error("ALW-01", "allowlist entry holds for too long")
                .labelled(entry.expires.span, format!("more than {} days away", policy.max_ttl_days)),
        );
    } else if expires <= days(policy.warn_days) {
        out.push(
            Diagnostic::warning("ALW-03", "allowlist entry expires soon")
                .labelled(entry.expires.span, format!("expires on {expires}")),
        );
    }
}

fn accountable(repository: &Repository, entry: &Entry, out: &mut Diagnostics) {
    if !is_owner(&entry.owner.value) {
        out.push(
            ACCOUNTABLE
                .warning("nobody can be asked about this entry")
                .labelled(entry.owner.span, "neither an address nor a team's handle")
                .with_help("write an address, for example team@example.com"),
        );
    }
    match &entry.ticket {
        Some(ticket) if !is_ticket(&ticket.value) => out.push(
            ACCOUNTABLE
                .warning("the ticket leads nowhere")
                .labelled(ticket.span, "neither a reference such as SEC-4812 nor a link"),
        ),
        Some(_) => {}
        None => {
            let (code, severity) = if repository.project.allowlist.require_ticket {
                ("ALW-07", Severity::Error)
            } else {
                (ACCOUNTABLE.code, Severity::Info)
            };
            out.push(
                Diagnostic::new(code, severity, "allowlist entry without a ticket")
                    .labelled(entry.id.span, "where was it decided?"),
            );
        }
    }
}

/// `team@example.com`, `@org/team`, `soc-team`: one word that is no placeholder.
fn is_owner(text: &str) -> bool {
    let placeholder = PLACEHOLDERS.contains(&text.to_lowercase().as_str());
    let one_word = !text.contains(char::is_whitespace) && text.chars().any(char::is_alphabetic);
    let address = text.split_once('@').is_none_or(|(name, domain)| {
        name.is_empty() || (domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.'))
    });
    !placeholder && one_word && address
}

/// `SEC-4812`, `#123`, `INC0012345`, a link: one word with a number, or a link.
fn is_ticket(text: &str) -> bool {
    let link = text.starts_with("https://") || text.starts_with("http://");
    let one_word = !text.contains(char::is_whitespace);
    one_word && (link || text.chars().any(|c| c.is_ascii_digit()))
}

fn superfluous(repository: &Repository, reach: &Reach, out: &mut Diagnostics) {
    let entry = |(list, number): (usize, usize)| {
        let list = repository.allowlists.get(list)?;
        Some((list, list.entries.get(number)?))
    };
    for pair in shadow::pairs(repository, reach) {
        let (Some((_, narrow)), Some((list, wide))) = (entry(pair.narrow), entry(pair.wide)) else {
            continue;
        };
        let name = format!("{}#{}", repository.sources.path(list.span.file), wide.id.value);
        let finding = if pair.same {
            DUPLICATE
                .warning("allowlist entry is there twice")
                .labelled(narrow.id.span, format!("the same as {name}"))
        } else {
            SHADOWED
                .warning("allowlist entry is implied by a broader one")
                .labelled(narrow.id.span, format!("{name} silences all of this"))
        };
        out.push(finding.with_related(wide.id.span, "this one"));
    }
}

/// Values of sensitive lists that are shown elsewhere.
fn exposed(repository: &Repository, out: &mut Diagnostics) {
    let mut secrets: HashMap<String, Span> = HashMap::new();
    for list in repository.allowlists.iter().filter(|list| list.sensitive) {
        for entry in &list.entries {
            let told = [Some(&entry.id), Some(&entry.reason), Some(&entry.owner), entry.ticket.as_ref()];
            for (text, span) in texts(entry) {
                if text.chars().count() < SHORTEST_SECRET {
                    continue;
                }
                let lower = text.to_lowercase();
                for told in
                    told.into_iter().flatten().filter(|told| told.value.to_lowercase().contains(&lower))
                {
                    out.push(shown(told.span, span, "the text about the entry holds one of its values"));
                }
                secrets.entry(lower).or_insert(span);
            }
        }
    }
    if secrets.is_empty() {
        return;
    }
    for list in repository.allowlists.iter().filter(|list| !list.sensitive) {
        for (text, span) in list.entries.iter().flat_map(texts) {
            if let Some(secret) = secrets.get(&text.to_lowercase()) {
                out.push(shown(span, *secret, "this list is not sensitive, so the value is printed"));
            }
        }
    }
}

fn shown(at: Span, secret: Span, why: &str) -> Diagnostic {
    EXPOSED.warning("a sensitive value is shown").labelled(at, why).with_related(secret, "sensitive here")
}

/// Every text that an entry compares with.
fn texts(entry: &Entry) -> Vec<(&str, Span)> {
    let text = |value: &'_ Value| matches!(value, Value::String(_));
    let mut found = Vec::new();
    for predicate in &entry.predicates {
        match &predicate.test {
            Test::Equals(value) => found.push(value),
            Test::In(values) => found.extend(values),
            _ => {}
        }
    }
    let whole = found.into_iter().filter(|value| text(&value.value)).filter_map(|value| match &value.value {
        Value::String(text) => Some((text.as_str(), value.span)),
        _ => None,
    });
    let parts = entry.predicates.iter().flat_map(|predicate| match &predicate.test {
        Test::StartsWith(values)
        | Test::EndsWith(values)
        | Test::Contains(values)
        | Test::Has(values)
        | Test::Cidr(values) => values.as_slice(),
        _ => &[],
    });
    whole.chain(parts.map(|value| (value.value.as_str(), value.span))).collect()
}
