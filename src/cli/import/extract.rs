//! `--extract-allowlist` of both imports: its options, the files of the lists, and what is said about them.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::allowlist::audit::audit;
use crate::allowlist::uses::Reach;
use crate::diagnostic::Severity;
use crate::import::extract::{Kept, List, Terms};
use crate::load::load;
use crate::model::project::AllowlistPolicy;
use crate::model::rule::Strength;
use crate::render::safe;

use super::super::allowlist::add::end_of;
use super::super::failure::Failure;
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::output;

/// Lines of one kind before the rest is only counted.
const MOST: usize = 20;

/// Options of both imports.
#[derive(Debug, clap::Args)]
pub(super) struct ExtractArgs {
    /// Move exclusions that are written into queries (`where not(…)`, `!in`, `!=` and their kin) into allowlists of the
    /// environment, where they provably mean the same
    #[arg(long, requires = "owner")]
    extract_allowlist: bool,
    /// Who answers for the moved exclusions, for example team@example.com
    #[arg(long, value_name = "NAME", requires = "extract_allowlist")]
    owner: Option<String>,
    /// Where they were decided
    #[arg(long, value_name = "TICKET", requires = "extract_allowlist")]
    ticket: Option<String>,
    /// The first day (UTC) on which they no longer hold [default: as late as the project allows]
    #[arg(long, value_name = "DATE", requires = "extract_allowlist", conflicts_with = "ttl")]
    expires: Option<Date>,
    /// How long they hold, for example 90d
    #[arg(long, value_name = "DURATION", requires = "extract_allowlist")]
    ttl: Option<String>,
}

impl ExtractArgs {
    /// What every entry says; `None` when nothing is to be moved.
    pub(super) fn terms(
        &self,
        policy: &AllowlistPolicy,
        settings: &Settings,
    ) -> Result<Option<Terms>, Failure> {
        let (true, Some(owner)) = (self.extract_allowlist, &self.owner) else { return Ok(None) };
        for (option, text) in [("--owner", Some(owner)), ("--ticket", self.ticket.as_ref())] {
            if text.is_some_and(|text| text.trim().is_empty() || text.chars().any(char::is_control)) {
                return Err(Failure::error(format!("{option} says nothing that a file can hold"))
                    .help("one line, for example team@example.com"));
            }
        }
        if policy.require_ticket && self.ticket.is_none() {
            return Err(Failure::error("palisade.yaml wants a ticket for every entry")
                .help("say where these were decided: --ticket SEC-4812"));
        }
        let today = settings.today()?;
        let latest = today.checked_add(i64::from(policy.max_ttl_days).days()).unwrap_or(Date::MAX);
        let expires = match (self.expires, &self.ttl) {
            (Some(day), _) => day,
            (None, Some(ttl)) => end_of(settings.now()?, ttl)?,
            (None, None) => latest,
        };
        if expires <= today {
            return Err(Failure::error(format!(
                "--expires {expires} is not in the future; today is {today}"
            ))
            .help("name the first day on which the entries no longer hold, or leave the option out"));
        }
        if expires > latest {
            return Err(Failure::error(format!(
                "{expires} is too far away: entries hold for at most {} days, until {latest}",
                policy.max_ttl_days
            ))
            .help("choose an earlier day, or raise `allowlist.max_ttl` in palisade.yaml"));
        }
        let (owner, ticket) = (owner.clone(), self.ticket.clone());
        Ok(Some(Terms { owner, ticket, created: today, expires, require: policy.require }))
    }
}

/// What became of the exclusions of one rule.
#[derive(Debug)]
pub(super) struct Moved {
    /// The rule file.
    pub(super) path: String,
    /// The files of its lists, with what is in them.
    pub(super) lists: Vec<(String, List)>,
    pub(super) kept: Vec<Kept>,
}

/// Lists of a rule as files, one for each folder below `environments/`.
pub(super) fn files(lists: Vec<List>, folders: &[String], rule: &str) -> Vec<(String, List)> {
    let of = |list: List| folders.iter().map(move |folder| (list.path(folder, rule), list.clone()));
    lists.into_iter().flat_map(of).collect()
}

/// The first of these files that is there and says something else.
pub(super) fn in_the_way(root: &Path, lists: &[(String, List)], rule: &str, terms: &Terms) -> Option<String> {
    let other = |(path, list): &&(String, List)| {
        let found = std::fs::read_to_string(root.join(path));
        found.is_ok_and(|found| found != list.text(rule, terms))
            || (root.join(path).exists() && std::fs::read_to_string(root.join(path)).is_err())
    };
    lists.iter().find(other).map(|(path, _)| path.clone())
}

/// Writes the files. They come before the rule: a rule without its list would let everything through that the list is for.
pub(super) fn write(
    root: &Path,
    lists: &[(String, List)],
    rule: &str,
    terms: &Terms,
    force: bool,
) -> Result<(), Failure> {
    for (path, list) in lists {
        if output::write(&root.join(path), &list.text(rule, terms), force)? == output::Written::InTheWay {
            return Err(Failure::error(format!("{path} is there already, and says something else"))
                .help("rename or remove that file"));
        }
    }
    Ok(())
}

/// The account of all rules.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) terms: Terms,
    pub(super) rules: Vec<Moved>,
    /// What the audit says of the new lists: code, summary, place.
    audit: Vec<(String, String, String)>,
    /// What is left to do, said last.
    pub(super) next: Vec<String>,
}

impl Account {
    pub(super) fn new(terms: Terms) -> Self {
        Self { terms, rules: Vec::new(), audit: Vec::new(), next: Vec::new() }
    }

    /// Reads the repository again and asks the audit about the new files.
    pub(super) fn audit(&mut self, root: &Path) {
        let new: Vec<&str> =
            self.rules.iter().flat_map(|rule| &rule.lists).map(|(path, _)| path.as_str()).collect();
        if new.is_empty() {
            return;
        }
        let (repository, _) = load(root);
        let findings = audit(&repository, &Reach::of(&repository), self.terms.created);
        for finding in findings.iter().filter(|finding| finding.severity != Severity::Info) {
            let Some(span) = finding.span else { continue };
            let path = repository.sources.path(span.file);
            if new.contains(&path) {
                let line = repository.sources.position(span).line;
                let summary = match &finding.detail {
                    Some(detail) => format!("{}: {detail}", finding.summary),
                    None => finding.summary.clone(),
                };
                self.audit.push((finding.code.to_owned(), summary, format!("{path}:{line}")));
            }
        }
    }

    fn entries(&self) -> usize {
        self.lists().map(|(_, list)| list.entries.len()).sum()
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = &(String, List)> {
        self.rules.iter().flat_map(|rule| &rule.lists)
    }

    /// How many rules lost an exclusion to an allowlist.
    pub(super) fn split(&self) -> usize {
        self.rules.iter().filter(|rule| !rule.lists.is_empty()).count()
    }

    /// Entries that are not strong, with their way in.
    fn ways_in(&self) -> impl Iterator<Item = (String, Strength, &str)> {
        self.lists().flat_map(|(path, list)| {
            list.entries.iter().enumerate().filter_map(move |(index, entry)| {
                let way_in = entry.way_in.as_deref()?;
                Some((format!("{path}#imported-{}", index + 1), entry.strength, way_in))
            })
        })
    }

    /// Said after the rules were.
    pub(super) fn lines(&self, dry_run: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let entries = self.entries();
        let verb = if dry_run { "Would move" } else { "Moved" };
        if entries == 0 {
            lines.push(format!("{verb} no exclusion into an allowlist."));
        } else {
            lines.push(format!(
                "{verb} the exclusions of {} into {}; owner {}, until {}:",
                counted(self.split(), "rule"),
                if entries == 1 {
                    "1 allowlist entry".to_owned()
                } else {
                    format!("{entries} allowlist entries")
                },
                safe::line(&self.terms.owner),
                self.terms.expires
            ));
            let files = self.lists().map(|(path, list)| {
                format!("{path} ({}, slot {})", counted_entries(list.entries.len()), list.slot)
            });
            limited(&mut lines, files);
            lines.push(
                "Until that day each rule selects what it did before; its query has another text.".to_owned(),
            );
        }
        let weak: Vec<_> = self.ways_in().filter(|(_, strength, _)| *strength == Strength::Weak).collect();
        if !weak.is_empty() {
            lines.push(format!("Weak, as the exclusions were: {} of {entries}", weak.len()));
            limited(&mut lines, weak.into_iter().map(|(entry, _, way_in)| format!("{entry}: {way_in}")));
        }
        if !self.audit.is_empty() {
            lines.push("The audit says of them (`palisade allowlist audit` has all):".to_owned());
            let mut by_finding: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
            for (code, summary, place) in &self.audit {
                by_finding.entry((code, summary)).or_insert((0, place)).0 += 1;
            }
            limited(
                &mut lines,
                by_finding.into_iter().map(|((code, summary), (count, place))| match count {
                    1 => format!("{code} {place}: {summary}"),
                    _ => format!("{code} {count} times, first {place}: {summary}"),
                }),
            );
        }
        let kept = || self.rules.iter().flat_map(|rule| rule.kept.iter().map(|kept| (&rule.path, kept)));
        if kept().next().is_some() {
            lines.push(format!("Exclusions that stay in their query (ALW-26): {}", kept().count()));
            limited(
                &mut lines,
                kept().map(|(path, kept)| {
                    format!("{path}, query line {}: `{}`: {}", kept.line, kept.text, kept.why)
                }),
            );
        }
        lines.extend(self.next.iter().map(|line| safe::line(line)));
        lines
    }

    pub(super) fn json(&self) -> Value {
        let rules = self.rules.iter().filter(|rule| !rule.lists.is_empty() || !rule.kept.is_empty()).map(|rule| {
            let lists = rule.lists.iter().map(|(path, list)| {
                let entries = list.entries.iter().enumerate().map(|(index, entry)| {
                    let strength = Strength::NAMES.iter().find(|(_, known)| *known == entry.strength);
                    json!({"id": format!("imported-{}", index + 1), "strength": strength.map(|(name, _)| *name),
                        "way_in": entry.way_in})
                });
                json!({"file": path, "slot": list.slot, "entries": entries.collect::<Vec<_>>()})
            });
            let kept = rule
                .kept
                .iter()
                .map(|kept| json!({"line": kept.line, "text": kept.text, "why": kept.why, "code": "ALW-26"}));
            json!({"path": rule.path, "lists": lists.collect::<Vec<_>>(), "kept": kept.collect::<Vec<_>>()})
        });
        let audit = self
            .audit
            .iter()
            .map(|(code, summary, place)| json!({"code": code, "summary": summary, "place": place}));
        json!({
            "owner": self.terms.owner, "expires": self.terms.expires.to_string(), "entries": self.entries(),
            "split": self.split(), "rules": rules.collect::<Vec<_>>(), "audit": audit.collect::<Vec<_>>(),
            "next": self.next,
        })
    }

    pub(super) fn show(&self, dry_run: bool, ui: &Ui) {
        for line in self.lines(dry_run) {
            ui.say(&line);
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn counted_entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

fn limited(lines: &mut Vec<String>, all: impl Iterator<Item = String>) {
    let mut more = 0;
    for (number, line) in all.enumerate() {
        if number < MOST {
            lines.push(format!("  {}", safe::line(&line)));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        lines.push(format!("  and {more} more (--format json has all)"));
    }
}
