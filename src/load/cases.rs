//! Cases of rules: `tests:` in rule files, `tests/<rule-id>.yaml`, and the files of events that they name.
//!
//! Only files directly in `tests/` hold cases. Folders below hold events, or whatever else the repository keeps there, and
//! are read only as far as a case names a file in them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::document;
use super::files::{Files, Found, start_of};
use crate::address::RuleId;
use crate::diagnostic::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::model::Repository;
use crate::model::case::{Case, Feed, Row, Suite};
use crate::source::{FileId, Spanned};
use crate::yaml::decode::case;
use crate::yaml::{Node, NodeKind, csv, encoding, json};

const FOLDER: &str = "tests";
/// Most events of one case. With the columns of a wide table they take some 300 MB.
const MOST_ROWS: usize = 25_000;

/// Reads every case. `rule_files` are the stems of all rule files, those that could not be decoded included.
pub(super) fn load(
    files: &mut Files,
    rule_files: &[String],
    repository: &mut Repository,
    out: &mut Diagnostics,
) {
    let mut suites: HashMap<RuleId, Vec<Case>> = HashMap::new();
    for rule in &repository.rules {
        if let Some(node) = &rule.tests {
            suites.insert(rule.id.value.clone(), case::of_rule(node, out));
        }
    }
    for file in files.directly_in(FOLDER, &["yaml", "yml"], &mut repository.sources, out) {
        let Some(rule) = rule_of(&file, rule_files, repository, out) else { continue };
        let Some((document, _)) = document(&file, files, repository, out) else { continue };
        suites.entry(rule).or_default().extend(case::of_file(&document, out));
    }
    let mut events = Events { files, known: HashMap::new() };
    for (rule, mut cases) in suites {
        for case in &mut cases {
            events.fill(case, repository, out);
        }
        check_names(&cases, out);
        repository.suites.push(Arc::new(Suite { rule, cases }));
    }
    repository.suites.sort_by(|a, b| a.rule.cmp(&b.rule));
    check_references(repository, out);
}

/// The rule that a file of cases is for.
fn rule_of(
    file: &Found,
    rule_files: &[String],
    repository: &mut Repository,
    out: &mut Diagnostics,
) -> Option<RuleId> {
    if rule_files.iter().any(|stem| stem == file.stem()) {
        return RuleId::new(file.stem()).ok();
    }
    let near = did_you_mean(file.stem(), rule_files.iter().map(String::as_str));
    let help = match near {
        Some(near) => format!("did you mean {FOLDER}/{near}.yaml?"),
        None => format!("name it after a rule, or move it into a folder below {FOLDER}/: those are not read"),
    };
    out.push(
        Diagnostic::error(codes::CASE_RULE, "cases for a rule that does not exist")
            .at(start_of(&file.path, &mut repository.sources))
            .with_detail(format!("There is no rule `{}`, so these cases would never be played.", file.stem()))
            .with_help(help),
    );
    None
}

fn check_names(cases: &[Case], out: &mut Diagnostics) {
    for (number, case) in cases.iter().enumerate() {
        if let Some(first) = cases.iter().take(number).find(|known| known.name.value == case.name.value) {
            out.push(
                Diagnostic::error(codes::DUPLICATE_NAME, "two cases have the same name")
                    .labelled(case.name.span, "used before")
                    .with_related(first.name.span, "the other case"),
            );
        }
    }
}

/// Environments and allowlist entries that cases name. What is near a name is only looked for when the name is wrong: there may
/// be thousands of entries.
fn check_references(repository: &Repository, out: &mut Diagnostics) {
    let environments: HashSet<&str> =
        repository.environments.iter().map(|environment| environment.name.as_str()).collect();
    let lists = repository.allowlists.iter();
    let entries: HashSet<&str> =
        lists.flat_map(|list| list.entries.iter().map(|entry| entry.id.value.as_str())).collect();
    let mut expect = |name: &Spanned<String>, known: &HashSet<&str>, what: &str| {
        if known.contains(name.value.as_str()) {
            return;
        }
        let finding = Diagnostic::error(codes::CASE_REFERENCE, format!("{what} that does not exist"))
            .labelled(name.span, "there is none of this name");
        let mut sorted: Vec<&str> = known.iter().copied().collect();
        sorted.sort_unstable();
        out.push(match did_you_mean(&name.value, sorted) {
            Some(near) => finding.with_help(format!("did you mean `{near}`?")),
            None => finding,
        });
    };
    for case in repository.suites.iter().flat_map(|suite| &suite.cases) {
        for name in &case.environments {
            expect(name, &environments, "an environment");
        }
        if let Some(name) = &case.silenced_by {
            expect(name, &entries, "an allowlist entry");
        }
    }
}

/// Files of events, each read once.
struct Events<'f> {
    files: &'f mut Files,
    known: HashMap<String, Vec<Row>>,
}

impl Events<'_> {
    /// Puts the rows of the files that a case names behind the rows that stand in it.
    fn fill(&mut self, case: &mut Case, repository: &mut Repository, out: &mut Diagnostics) {
        let mut total = 0;
        let feeds = case.events.iter_mut().chain(&mut case.watchlists).chain(&mut case.external_data);
        for feed in feeds.chain(&mut case.file_profiles) {
            for file in feed.files.clone() {
                let rows = self.rows(&file, repository, out);
                feed.rows.extend(rows);
            }
            total += feed.rows.len();
            if total > MOST_ROWS {
                out.push(
                    Diagnostic::error(codes::TOO_LARGE, "too many events")
                        .labelled(feed.name.span, format!("more than {MOST_ROWS} rows up to here"))
                        .with_help("keep the events that show something, and leave the others out"),
                );
                *feed = Feed { rows: Vec::new(), ..feed.clone() };
                return;
            }
        }
    }

    fn rows(
        &mut self,
        file: &Spanned<String>,
        repository: &mut Repository,
        out: &mut Diagnostics,
    ) -> Vec<Row> {
        if let Some(known) = self.known.get(&file.value) {
            return known.clone();
        }
        let rows = self.read(file, repository, out).unwrap_or_default();
        self.known.insert(file.value.clone(), rows.clone());
        rows
    }

    fn read(
        &mut self,
        file: &Spanned<String>,
        repository: &mut Repository,
        out: &mut Diagnostics,
    ) -> Option<Vec<Row>> {
        let refuse = |code, why: &str| {
            Diagnostic::error(code, "the file of events cannot be used").labelled(file.span, why)
        };
        let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':']);
        if !file.value.split('/').all(plain) {
            let finding = refuse(codes::UNSAFE_PATH, "not a path below tests/");
            out.push(finding.with_help("name the file from tests/ on, for example `events/4698.ndjson`"));
            return None;
        }
        let path = format!("{FOLDER}/{}", file.value);
        let reported = out.iter().len();
        let Some(found) = self.files.below(&path, &mut repository.sources, out) else {
            if out.iter().len() == reported {
                out.push(refuse(codes::CASE_EVENTS, "there is no such file below tests/"));
            }
            return None;
        };
        if !matches!(found.extension(), "yaml" | "yml" | "json" | "ndjson" | "jsonl" | "csv") {
            let finding = refuse(codes::CASE_EVENTS, "neither YAML, JSON, NDJSON nor CSV by its extension");
            out.push(finding.with_help("use .yaml, .json, .ndjson or .csv"));
            return None;
        }
        if matches!(found.extension(), "yaml" | "yml") {
            let (document, _) = document(&found, self.files, repository, out)?;
            return Some(rows_of(&document, out));
        }
        let id = self.files.read_events(&found, &mut repository.sources, out)?;
        let text = repository.sources.file(id)?.text.clone();
        let refused = encoding::check(&text, id);
        // Commas and quotes end lines in the formats of other systems; a lone carriage return is still refused.
        if refused.has_errors() {
            out.extend(refused);
            return None;
        }
        match found.extension() {
            "json" => Some(rows_of(&kept(json::read(&text, 0, text.len(), id), out)?, out)),
            "csv" => {
                let records = kept(csv::read(&text, id, MOST_ROWS + 1), out)?;
                Some(records.into_iter().map(|cells| Row { cells, text_only: true }).collect())
            }
            _ => lines(&text, id, out),
        }
    }
}

fn kept<T>(read: Result<T, Box<Diagnostic>>, out: &mut Diagnostics) -> Option<T> {
    read.map_err(|problem| out.push(*problem)).ok()
}

/// One object a line. Reading stops at the first line that is none.
fn lines(text: &str, file: FileId, out: &mut Diagnostics) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() && rows.len() <= MOST_ROWS {
            let node = kept(json::read(text, start, start + line.trim_end().len(), file), out)?;
            rows.extend(case::row(&node, out));
        }
        start += line.len();
    }
    Some(rows)
}

/// The rows of a document: a list, or what the portals and APIs wrap a list in.
fn rows_of(document: &Node, out: &mut Diagnostics) -> Vec<Row> {
    let wrapped = ["Results", "results", "value"].into_iter().find_map(|key| document.get(key));
    let list = wrapped.unwrap_or(document);
    match &list.kind {
        NodeKind::Seq(items) => items.iter().filter_map(|item| case::row(item, out)).collect(),
        NodeKind::Map(_) => case::row(list, out).into_iter().collect(),
        _ => {
            out.push(
                Diagnostic::error(codes::WRONG_TYPE, "expected a list of events")
                    .labelled(list.span, format!("found {}", list.describe())),
            );
            Vec::new()
        }
    }
}
