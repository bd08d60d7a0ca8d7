//! `data_sources` of a rule against the tables that its queries read.
//!
//! People read the list to know which connectors a rule needs, so it must be right. It is compared only when it holds names
//! of tables; a list of products or log channels is nobody's mistake.

use std::collections::BTreeMap;

use crate::compile::check::codes;
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::model::rule::Rule;
use crate::source::{Span, Spanned};

/// The tables and functions that the queries of one rule read in an environment.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Each with the place of its first mention.
    tables: BTreeMap<String, Span>,
    functions: Vec<String>,
    /// A query could not be understood in full, so more may be read.
    incomplete: bool,
}

impl Reading {
    pub(crate) fn table(&mut self, name: &str, span: Span) {
        self.tables.entry(name.to_owned()).or_insert(span);
    }

    pub(crate) fn functions(&mut self, names: &[String]) {
        self.functions.extend_from_slice(names);
    }

    pub(crate) fn is_incomplete(&mut self) {
        self.incomplete = true;
    }
}

/// `is_table` says whether a name is a table of any platform.
pub(crate) fn check(
    rule: &Rule,
    reading: &Reading,
    is_table: impl Fn(&str) -> bool,
    found: &mut Diagnostics,
) {
    let reads = |name: &str| {
        reading.tables.contains_key(name) || reading.functions.iter().any(|function| function == name)
    };
    let known = |source: &Spanned<String>| reads(&source.value) || is_table(&source.value);
    let Some(first) = rule.data_sources.first().filter(|_| rule.data_sources.iter().any(known)) else {
        return;
    };
    for (table, span) in &reading.tables {
        if rule.data_sources.iter().any(|source| source.value == *table) {
            continue;
        }
        found.push(
            codes::DATA_SOURCES
                .warning("a table is read but not declared")
                .labelled(*span, format!("`{table}` is not in `data_sources`"))
                .with_related(first.span, "declared here")
                .with_detail("The list says which connectors a rule needs.")
                .with_help(format!("add {table} to `data_sources`")),
        );
    }
    if reading.incomplete {
        return;
    }
    for source in &rule.data_sources {
        if reads(&source.value) || !is_table(&source.value) {
            continue;
        }
        let help = match did_you_mean(&source.value, reading.tables.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove it from `data_sources`".to_owned(),
        };
        found.push(
            codes::DATA_SOURCES
                .warning("a table is declared but not read")
                .labelled(source.span, "no query of the rule reads it")
                .with_detail("The list says which connectors a rule needs.")
                .with_help(help),
        );
    }
}
