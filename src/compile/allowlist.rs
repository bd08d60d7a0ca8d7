//! Which allowlist entries hold for a rule's slot in an environment, and the lines they become.
//!
//! Everything here fails closed: what cannot be applied exactly as written is an error, never left out in silence.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::address::{RuleId, matches_glob};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, Entry, Predicate, RulePattern, Scope as ListScope, Test, Value};
use crate::model::environment::Environment;
use crate::model::rule::{Rule, SlotPolicy, Strength};
use crate::resource::EntryUse;
use crate::source::Span;

use super::query::Dialect;
use super::select::Selection;
use super::{Scope, columns, predicate, strength};

/// The line that closes a slot's `where`; a line of its own, so that another entry is exactly one more line.
pub(crate) const CLOSE: &str = ")";

/// The lists of one environment by rule, with what was found wrong with their entries.
pub struct AllowlistIndex<'a> {
    by_rule: BTreeMap<RuleId, Vec<Assignment<'a>>>,
    /// Lists of this environment that reach none of its rules.
    unused: Vec<(&'a Allowlist, Span)>,
    today: Date,
    next_expiry: Option<Date>,
    /// Entries already reported for their strength, so that one entry in twenty rules is one message.
    reported: RefCell<BTreeSet<(Span, &'static str)>>,
}

/// A list that applies to a rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Assignment<'a> {
    pub(crate) list: &'a Allowlist,
    /// Named by its id, not by a glob.
    pub(crate) explicit: bool,
    /// Where the list names the rule.
    pub(crate) pattern: Span,
}

/// A slot's compiled content.
#[derive(Debug, Default)]
pub(crate) struct Filled<'a> {
    /// In order; none when nothing holds here.
    pub(crate) lines: Vec<Line<'a>>,
    /// The entries in force, in order.
    pub(crate) entries: Vec<EntryUse>,
}

/// One line of a slot, without indent.
#[derive(Debug, Default)]
pub(crate) struct Line<'a> {
    pub(crate) text: String,
    /// The `file#entry` that it holds.
    pub(crate) entries: Vec<String>,
    /// Where each predicate of the entry stands in the text.
    pub(crate) predicates: Vec<(Range<usize>, &'a Predicate)>,
}

impl<'a> AllowlistIndex<'a> {
    pub(crate) fn new(
        repository: &'a Repository,
        environment: &Environment,
        selection: &Selection,
        today: Date,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut index = Self {
            by_rule: BTreeMap::new(),
            unused: Vec::new(),
            today,
            next_expiry: None,
            reported: RefCell::default(),
        };
        let taken: BTreeSet<&RuleId> = selection.taken.iter().map(|(rule, _)| &rule.id.value).collect();
        for list in &repository.allowlists {
            if !is_in(list, environment) {
                continue;
            }
            index.check_expiries(repository, list, diagnostics);
            super::watchlists::check(repository, environment, list, diagnostics);
            let mut reached = BTreeSet::new();
            for pattern in &list.rules {
                let exact = match &pattern.value {
                    RulePattern::Glob(glob) => RuleId::new(glob).ok().filter(|id| taken.contains(id)),
                    RulePattern::Any => None,
                };
                let matching: Vec<&RuleId> = match (&exact, &pattern.value) {
                    (Some(id), _) => taken.get(id).copied().into_iter().collect(),
                    (None, RulePattern::Any) => taken.iter().copied().collect(),
                    (None, RulePattern::Glob(glob)) => {
                        taken.iter().copied().filter(|id| matches_glob(glob, id.as_str())).collect()
                    }
                };
                for id in matching {
                    if reached.insert(id.clone()) {
                        let assignment =
                            Assignment { list, explicit: exact.is_some(), pattern: pattern.span };
                        index.by_rule.entry(id.clone()).or_default().push(assignment);
                    }
                }
            }
            if reached.is_empty() {
                index.unused.push((list, list.rules.first().map_or(list.span, |pattern| pattern.span)));
            }
        }
        index
    }

    pub(crate) fn of_rule(&self, rule: &RuleId) -> &[Assignment<'a>] {
        self.by_rule.get(rule).map_or(&[], Vec::as_slice)
    }

    /// The next day on which an entry of this environment expires.
    pub(crate) fn next_expiry(&self) -> Option<Date> {
        self.next_expiry
    }

    pub(crate) fn report_unused(&self, diagnostics: &mut Diagnostics) {
        for (list, span) in &self.unused {
            // A shared list is written for many environments; in one of them it may well reach nothing.
            if list.scope != ListScope::Shared {
                diagnostics.push(
                    Diagnostic::warning("ALW-11", "allowlist reaches no rule of this environment")
                        .labelled(*span, "none of these rules is deployed here")
                        .with_help("remove the list, or select the rules it was written for"),
                );
            }
        }
    }

    fn check_expiries(&mut self, repository: &Repository, list: &Allowlist, diagnostics: &mut Diagnostics) {
        let policy = &repository.project.allowlist;
        let latest = self.today.checked_add(i64::from(policy.max_ttl_days).days()).unwrap_or(Date::MAX);
        for entry in &list.entries {
            if policy.require_ticket && entry.ticket.is_none() {
                out_of_policy(entry, diagnostics);
            }
            let expires = entry.expires.value;
            if expires > self.today {
                self.next_expiry = Some(self.next_expiry.map_or(expires, |next| next.min(expires)));
            }
            if expires <= self.today {
                let expired = format!("expired on {expires}; today is {}", self.today);
                let finding = if entry.required {
                    Diagnostic::error("ALW-02", "expired allowlist entry").with_detail(
                        "an expired entry stops the environment, so that a rule never changes without anybody deciding it",
                    )
                } else {
                    Diagnostic::warning("ALW-02", "expired allowlist entry")
                        .with_detail("it is left out of the compiled rules (`required: false`)")
                };
                diagnostics.push(finding.labelled(entry.expires.span, expired).with_help(
                    "check whether the noise still exists; then remove the entry, or renew `expires` with a reason",
                ));
            } else if expires > latest {
                diagnostics.push(
                    Diagnostic::error("ALW-01", "allowlist entry holds for too long")
                        .labelled(
                            entry.expires.span,
                            format!(
                                "more than {} days away; the latest day is {latest}",
                                policy.max_ttl_days
                            ),
                        )
                        .with_help("choose an earlier day, or raise `allowlist.max_ttl` in palisade.yaml"),
                );
            } else if self
                .today
                .checked_add(i64::from(policy.warn_days).days())
                .is_ok_and(|soon| expires <= soon)
            {
                diagnostics.push(
                    Diagnostic::new(
                        "ALW-03",
                        crate::diagnostic::Severity::Info,
                        "allowlist entry expires soon",
                    )
                    .labelled(entry.expires.span, format!("expires on {expires}")),
                );
            }
        }
    }

    pub(crate) fn first_report(&self, span: Span, code: &'static str) -> bool {
        self.reported.borrow_mut().insert((span, code))
    }
}

fn out_of_policy(entry: &Entry, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error("ALW-07", "allowlist entry without a ticket")
            .labelled(entry.id.span, "where was it decided?")
            .with_help("add `ticket:`, or take `allowlist.require_ticket` out of palisade.yaml"),
    );
}

/// Whether an environment has a list: its own, or a shared one that it names.
pub(crate) fn is_in(list: &Allowlist, environment: &Environment) -> bool {
    match &list.scope {
        ListScope::Environment(name) => *name == environment.name,
        ListScope::Shared => environment.allowlists.iter().any(|wanted| wanted.value == list.name),
    }
}

/// Compiles everything that holds for one slot of one rule.
pub(crate) fn fill<'a>(
    scope: &Scope<'a>,
    rule: &Rule,
    slot: &str,
    policy: Option<&SlotPolicy>,
    dialect: Dialect,
    diagnostics: &mut Diagnostics,
) -> Filled<'a> {
    let sources = &scope.repository.sources;
    let mut filled = Filled::default();
    for assignment in scope.index.of_rule(&rule.id.value) {
        let list = assignment.list;
        if list.slot.value != slot {
            continue;
        }
        for entry in &list.entries {
            check_entry(scope, rule, policy, entry, diagnostics);
            if entry.expires.value <= scope.today {
                continue;
            }
            let run_time_expiry = dialect == Dialect::Full;
            let mut condition = predicate::entry(entry, run_time_expiry);
            if list.sensitive {
                condition = condition.marked_sensitive();
            }
            let path = sources.path(entry.span.file).to_owned();
            let name = format!("{path}#{}", entry.id.value);
            let before = if filled.lines.is_empty() { "| where not(" } else { "    or " };
            let predicates =
                condition.predicates.iter().zip(&entry.predicates).map(|(range, predicate)| {
                    (range.start + before.len()..range.end + before.len(), predicate)
                });
            filled.lines.push(Line {
                text: format!("{before}{}", condition.text),
                entries: vec![name],
                predicates: predicates.collect(),
            });
            filled.entries.push(EntryUse {
                path,
                line: sources.position(entry.id.span).line,
                entry: entry.id.value.clone(),
                expires: entry.expires.value.to_string(),
                predicate: condition.text,
                sensitive: list.sensitive,
                exception: entry.exception.is_some(),
            });
        }
    }
    if !filled.lines.is_empty() {
        filled.lines.push(Line { text: format!("  {CLOSE}"), ..Line::default() });
    }
    filled
}

fn check_entry(
    scope: &Scope<'_>,
    rule: &Rule,
    policy: Option<&SlotPolicy>,
    entry: &Entry,
    diagnostics: &mut Diagnostics,
) {
    for predicate in &entry.predicates {
        if let Some(allowed) = policy.and_then(|policy| policy.columns.as_ref())
            && !allowed.iter().any(|column| column.value == predicate.column.value)
            && scope.index.first_report(predicate.column.span, "ALW-05")
        {
            let names = || allowed.iter().map(|column| column.value.as_str());
            let help = match did_you_mean(&predicate.column.value, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the slot takes: {}", names().collect::<Vec<_>>().join(", ")),
            };
            diagnostics.push(
                Diagnostic::error("ALW-05", "column not allowed in this slot")
                    .labelled(
                        predicate.column.span,
                        format!("`{}` does not take `{}`", rule.id.value, predicate.column.value),
                    )
                    .with_help(help),
            );
        }
        if let Some((why, help)) = address_for_a_name(predicate)
            && scope.index.first_report(predicate.span, "ALW-05")
        {
            diagnostics.push(
                Diagnostic::error("ALW-05", "an address is compared with a name")
                    .labelled(predicate.span, why)
                    .with_help(help),
            );
        }
        if let Some(why) = strength::matches_everything(predicate)
            && scope.index.first_report(predicate.span, "ALW-08")
        {
            diagnostics.push(
                Diagnostic::error("ALW-08", "allowlist entry matches everything")
                    .labelled(predicate.span, why)
                    .with_help("an entry must describe the known noise and nothing else"),
            );
        }
    }
    check_strength(scope, rule, policy, entry, diagnostics);
}

/// Networks on a column of names silence nothing, and the noise that they were written for stays.
fn address_for_a_name(predicate: &Predicate) -> Option<(String, &'static str)> {
    let column = &predicate.column.value;
    if !columns::holds_no_addresses(column) {
        return None;
    }
    let network = |value: &Value| match value {
        Value::String(text) => {
            text.split_once('/').is_some_and(|(address, length)| {
                address.parse::<std::net::IpAddr>().is_ok() && length.parse::<u8>().is_ok()
            }) || (column.ends_with("DeviceName") && text.parse::<std::net::IpAddr>().is_ok())
        }
        _ => false,
    };
    let addresses = match &predicate.test {
        Test::Cidr(_) => true,
        Test::Equals(value) => network(&value.value),
        Test::In(values) => values.iter().any(|value| network(&value.value)),
        _ => false,
    };
    let operator = predicate.test.operator();
    addresses.then(|| {
        (
            format!("`{column}` holds no addresses, so `{operator}` with a network never matches"),
            "compare a column of addresses with `cidr`, or the names with `in` or `ends_with`",
        )
    })
}

fn check_strength(
    scope: &Scope<'_>,
    rule: &Rule,
    policy: Option<&SlotPolicy>,
    entry: &Entry,
    diagnostics: &mut Diagnostics,
) {
    let floor = scope.repository.project.allowlist.require;
    let wanted = policy.and_then(|policy| policy.require.as_ref());
    let required = wanted.map_or(floor, |wanted| wanted.value.max(floor));
    let accepted = entry.exception.as_ref().map_or(required, |exception| exception.strength.min(required));
    let (strength, way_in) = strength::of_entry(entry);
    if strength >= accepted || !scope.index.first_report(entry.span, "ALW-06") {
        return;
    }
    let mut finding = Diagnostic::error("ALW-06", "allowlist entry is too weak")
        .labelled(
            entry.id.span,
            format!("{} is required by `{}`, this entry is {}", word(required), rule.id.value, word(strength)),
        )
        .with_help(
            "add a predicate on a hash, a valid signer, or a device or account id; or add `exception:` with an approver and a reason",
        );
    if let Some(way_in) = way_in {
        finding = finding.with_detail(format!("how an attacker walks through: {way_in}"));
    }
    if let Some(wanted) = wanted {
        finding = finding.with_related(wanted.span, "required here");
    }
    diagnostics.push(finding);
}

fn word(strength: Strength) -> &'static str {
    Strength::NAMES.iter().find(|(_, value)| *value == strength).map_or("", |(name, _)| name)
}
