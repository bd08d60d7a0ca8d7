//! A table of environments (CSV, the first line names the columns) as documents of environment files.
//!
//! Every value keeps the place of its cell, so whatever is wrong with one is reported there by the same decoder that reads
//! environment files. Start with [`read`]; the files' texts are made in [`super::generate`].

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span, Spanned};
use crate::yaml::csv::{self, Record};
use crate::yaml::decode::object::unknown_key;
use crate::yaml::{Key, Node, NodeKind, Text};

/// Every column that a table may have; only [`NAME`] must be there. What is not here belongs into the base that all extend.
pub const COLUMNS: &[&str] = &[
    NAME,
    "extends",
    "owner",
    "tenant_id",
    "ring",
    "cloud",
    "prune",
    "defender",
    "subscription",
    "resource_group",
    "workspace",
    "tags",
    "allowlists",
];
/// The column with the environment's name, which becomes its folder's.
const NAME: &str = "environment";
/// Columns that are keys of an environment file as they are.
const PLAIN: &[&str] = &["extends", "owner", "tenant_id", "cloud", "prune", "ring"];
/// Columns that together say which workspace.
const WORKSPACE: &[&str] = &["subscription", "resource_group", "workspace"];
/// The most rows that are read.
const MOST_ROWS: usize = 20_000;

/// What rows have that say nothing themselves.
#[derive(Debug, Clone, Copy)]
pub struct Defaults<'a> {
    /// An owner id is this, a slash and the name.
    pub owner: Option<&'a str>,
    /// What is extended.
    pub extends: Option<&'a str>,
}

/// A row: an environment's name, and its own document.
#[derive(Debug, Clone)]
pub struct Row {
    /// From the column `environment`.
    pub name: Spanned<String>,
    /// The keys of its file.
    pub document: Node,
}

/// Reads a table. Cells may be empty; blanks around a value do not count.
pub fn read(text: &str, file: FileId, defaults: Defaults<'_>, out: &mut Diagnostics) -> Vec<Row> {
    let records = match csv::read(text, file, MOST_ROWS + 1) {
        Ok(records) => records,
        Err(finding) => {
            out.push(*finding);
            return Vec::new();
        }
    };
    let Some(first) = records.first() else {
        let finding =
            Diagnostic::error(codes::EMPTY_VALUE, "the table has no rows").at(Span::new(file, 0, 0));
        out.push(finding.with_help(format!("the first line names the columns: {}", COLUMNS.join(","))));
        return Vec::new();
    };
    if records.len() > MOST_ROWS {
        let finding = Diagnostic::error(codes::TOO_LARGE, "the table is too long").at(Span::new(file, 0, 0));
        out.push(finding.with_detail(format!("At most {MOST_ROWS} rows are read.")));
        return Vec::new();
    }
    if !check_header(first, out) {
        return Vec::new();
    }
    let mut names: std::collections::HashMap<String, Span> = std::collections::HashMap::new();
    let mut rows = Vec::new();
    for record in &records {
        let Some(name) = name(record, out) else { continue };
        // Folders that differ only in case are one folder on some systems.
        if let Some(first) = names.insert(name.value.to_lowercase(), name.span) {
            out.push(
                Diagnostic::error(codes::DUPLICATE_NAME, "an environment stands twice in the table")
                    .labelled(name.span, "this row again")
                    .with_related(first, "first here")
                    .with_help(
                        "one row is one environment; further workspaces belong into a file written by hand",
                    ),
            );
            continue;
        }
        let document = document(record, &name, defaults, out);
        rows.push(Row { name, document });
    }
    rows
}

fn check_header(record: &Record, out: &mut Diagnostics) -> bool {
    let mut known = true;
    for (key, _) in record.iter().filter(|(key, _)| !COLUMNS.contains(&key.name.as_str())) {
        known = false;
        let finding = unknown_key(key, "a table of environments", COLUMNS);
        out.push(if key.name.contains(';') {
            finding.with_help("columns are separated by commas")
        } else {
            finding
        });
    }
    let has_name = record.iter().any(|(key, _)| key.name == NAME);
    if let (true, false, Some((key, _))) = (known, has_name, record.first()) {
        out.push(
            Diagnostic::error(codes::MISSING_KEY, "the table has no column `environment`")
                .labelled(key.span, "not among the columns of this line")
                .with_help("it holds the environments' names, which become the names of their folders"),
        );
    }
    known && has_name
}

/// A cell that is not empty, without blanks around it.
fn cell<'r>(record: &'r Record, column: &str) -> Option<(&'r Key, &'r str, Span)> {
    let (key, node) = record.iter().find(|(key, _)| key.name == column)?;
    let value = node.as_str()?.trim();
    (!value.is_empty()).then_some((key, value, node.span))
}

fn name(record: &Record, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let Some((_, value, span)) = cell(record, NAME) else {
        let span = record.iter().find(|(key, _)| key.name == NAME).map(|(_, node)| node.span)?;
        out.push(
            Diagnostic::error(codes::EMPTY_VALUE, "a row without a name").labelled(span, "expected a name"),
        );
        return None;
    };
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = value.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && value.chars().all(usable) && value.len() <= 100 {
        return Some(Spanned::new(value.to_owned(), span));
    }
    out.push(
        Diagnostic::error(codes::INVALID_VALUE, "not a name for an environment")
            .labelled(span, "it becomes the name of a folder")
            .with_help(
                "use letters, digits, `-`, `_` and `.`, a letter or digit first, at most 100 characters",
            ),
    );
    None
}

fn document(record: &Record, name: &Spanned<String>, defaults: Defaults<'_>, out: &mut Diagnostics) -> Node {
    let mut entries: Vec<(Key, Node)> = Vec::new();
    for column in PLAIN {
        let found = cell(record, column).map(|(key, value, span)| (key.clone(), text(value, span)));
        let default = || match *column {
            "extends" => defaults.extends.map(str::to_owned),
            "owner" => defaults.owner.map(|owner| format!("{owner}/{}", name.value)),
            _ => None,
        };
        let found = found.or_else(|| default().map(|value| member(column, text(&value, name.span))));
        entries.extend(found);
    }
    if let Some((key, value, span)) = cell(record, "defender") {
        match value.to_ascii_lowercase().as_str() {
            "yes" | "true" => entries.push((key.clone(), Node { kind: NodeKind::Map(Vec::new()), span })),
            "no" | "false" => {}
            _ => out.push(
                Diagnostic::error(codes::INVALID_VALUE, "neither yes nor no")
                    .labelled(span, "expected `yes` or `no`")
                    .with_help("`yes` deploys custom detections to the tenant"),
            ),
        }
    }
    let workspace: Vec<(Key, Node)> = WORKSPACE
        .iter()
        .filter_map(|column| cell(record, column))
        .map(|(key, value, span)| (key.clone(), text(value, span)))
        .collect();
    if let Some(span) = workspace.first().map(|(_, node)| node.span) {
        entries.push(member("sentinel", Node { kind: NodeKind::Map(workspace), span }));
    }
    if let Some((key, value, span)) = cell(record, "tags") {
        let tags = (Key { name: "tags".to_owned(), span: key.span }, words(value, span));
        entries.push(member("select", Node { kind: NodeKind::Map(vec![tags]), span }));
    }
    if let Some((key, value, span)) = cell(record, "allowlists") {
        entries.push((key.clone(), words(value, span)));
    }
    Node { kind: NodeKind::Map(entries), span: name.span }
}

fn member(name: &str, node: Node) -> (Key, Node) {
    (Key { name: name.to_owned(), span: node.span }, node)
}

fn text(value: &str, span: Span) -> Node {
    Node { kind: NodeKind::Str(Text { value: value.to_owned(), line_starts: Vec::new() }), span }
}

/// Several values in one cell, separated by blanks or semicolons.
fn words(value: &str, span: Span) -> Node {
    let words = value.split([' ', ';', '\t', '\n']).filter(|word| !word.is_empty());
    Node { kind: NodeKind::Seq(words.map(|word| text(word, span)).collect()), span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    fn problems(table: &str) -> Vec<String> {
        let mut sources = SourceMap::default();
        let file = sources.add("t.csv", table);
        let mut out = Diagnostics::default();
        read(table, file, Defaults { owner: None, extends: None }, &mut out);
        let place = |one: &Diagnostic| one.span.map(|span| sources.display(span)).unwrap_or_default();
        out.iter().map(|one| format!("{} {}: {}", place(one), one.code, one.summary)).collect()
    }

    #[test]
    fn what_is_wrong_is_said_at_its_cell() {
        for (table, expected) in [
            ("", "t.csv:1:1 FMT-06: the table has no rows"),
            ("environment\n", "t.csv:1:1 FMT-06: the table has no rows"),
            ("environment;owner\na;b\n", "t.csv:1:1 FMT-01: unknown key"),
            ("environment,tenant\na,b\n", "t.csv:1:13 FMT-01: unknown key"),
            ("owner\na\n", "t.csv:1:1 FMT-02: the table has no column `environment`"),
            ("environment,ring\na,early\n,early\n", "t.csv:3:1 FMT-06: a row without a name"),
            ("environment\na\n_b\n", "t.csv:3:1 FMT-04: not a name for an environment"),
            ("environment\n../x\n", "t.csv:2:1 FMT-04: not a name for an environment"),
            ("environment\nAcme\nacme\n", "t.csv:3:1 FMT-07: an environment stands twice in the table"),
            ("environment,defender\na,maybe\n", "t.csv:2:3 FMT-04: neither yes nor no"),
            ("environment,ring\na\n", "t.csv:2:1 YAML-01: not valid CSV"),
        ] {
            assert_eq!(problems(table), [expected], "{table:?}");
        }
        assert_eq!(problems("environment,ring\r\n a , early \r\n"), Vec::<String>::new());
    }
}
