//! What parser and binder say about one query, in the words of machine output (product.md, "Names in machine output").
//!
//! The verdict is theirs alone: no lint and no rule takes part. Start at [`Schemas::verdict`].

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;

use super::bind::{self, Bound};
use super::parser::{Parse, parse};
use super::schema::{Platform, Schema, SchemaSource};
use super::span::Span;
use super::string_value;
use super::token::TokenKind;
use super::utf16::Utf16;

/// One schema for each platform, for queries of several platforms in one run. Unpacked when first needed.
#[derive(Debug)]
pub struct Schemas {
    sentinel: Schema,
    xdr: Schema,
    unified: Schema,
}

/// What is known of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// It can be parsed.
    pub syntax_ok: bool,
    /// Nothing in it is an error.
    pub ok: bool,
    /// What is wrong, syntax first, each in the order of the text.
    pub diagnostics: Vec<Fault>,
    /// The columns that it returns.
    pub output_columns: Vec<Column>,
    /// It may return more columns than those.
    pub output_open: bool,
    /// Tables of the schema that it reads.
    pub referenced_tables: Vec<String>,
    /// Functions that it calls.
    pub referenced_functions: Vec<String>,
}

/// One diagnostic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `Error` or `Warning`.
    pub severity: &'static str,
    /// Ours: `KQL142` where Kusto.Language says `KS142`; `KQL-S…` for syntax.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// In UTF-16 units of the query.
    pub start: u32,
    /// In UTF-16 units.
    pub length: u32,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Kusto's name of its type.
    #[serde(rename = "type")]
    pub ty: &'static str,
}

/// The platform of that name: `sentinel`, `xdr` or `unified`, in any case.
#[must_use]
pub fn platform_named(name: &str) -> Option<Platform> {
    let platforms =
        [("sentinel", Platform::Sentinel), ("xdr", Platform::Xdr), ("unified", Platform::Unified)];
    platforms.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, platform)| platform)
}

impl Schemas {
    /// The built-in schemas, with the tables, functions and watchlists of `own` added to each; a table of `own`
    /// replaces the built-in one of its name, and a later source an earlier one.
    #[must_use]
    pub fn new(own: &[SchemaSource]) -> Self {
        let make = |platform| own.iter().cloned().fold(Schema::built_in(platform), Schema::with);
        Self {
            sentinel: make(Platform::Sentinel),
            xdr: make(Platform::Xdr),
            unified: make(Platform::Unified),
        }
    }

    /// The schema of a platform.
    #[must_use]
    pub fn of(&self, platform: Platform) -> &Schema {
        match platform {
            Platform::Sentinel => &self.sentinel,
            Platform::Xdr => &self.xdr,
            Platform::Unified => &self.unified,
        }
    }

    /// Parses and binds a query.
    #[must_use]
    pub fn verdict(&self, query: &str, platform: Platform) -> Verdict {
        let parse = parse(query);
        let bound = bind::bind(&parse, query, self.of(platform));
        Verdict::new(query, &parse, bound)
    }
}

impl Verdict {
    /// The verdict from what was already found.
    #[must_use]
    pub fn new(query: &str, parse: &Parse, bound: Bound) -> Self {
        let utf16 = Utf16::new(query);
        let places = places(query, parse);
        let fault = |severity, code, message, span: Span| {
            let (start, length) = utf16.range(span);
            Fault { severity, code, message, start, length }
        };
        let syntax_ok = parse.errors.is_empty();
        let ok = syntax_ok && bound.is_ok();
        let syntax = parse.errors.iter().map(|e| fault("Error", e.code.as_str(), e.message.clone(), e.span));
        let meaning = bound.diagnostics.into_iter().map(|d| {
            let severity = match d.severity {
                bind::Severity::Error => "Error",
                bind::Severity::Warning => "Warning",
            };
            let message = match d.suggestion {
                Some(name) => format!("{}; did you mean `{name}`?", d.message.trim_end_matches('.')),
                None => d.message,
            };
            fault(severity, d.code, message, d.span)
        });
        Self {
            syntax_ok,
            ok,
            diagnostics: syntax.chain(meaning).collect(),
            output_columns: bound
                .columns
                .into_iter()
                .map(|column| Column { name: column.name, ty: column.ty.name() })
                .collect(),
            output_open: bound.open,
            referenced_tables: mentioned(bound.tables, &places, false),
            referenced_functions: mentioned(bound.functions, &places, true),
        }
    }

    /// The verdict on something that is not a query at all.
    #[must_use]
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        let fault = Fault { severity: "Error", code, message: message.into(), start: 0, length: 0 };
        Self {
            syntax_ok: false,
            ok: false,
            diagnostics: vec![fault],
            output_columns: Vec::new(),
            output_open: false,
            referenced_tables: Vec::new(),
            referenced_functions: Vec::new(),
        }
    }
}

/// Where each word, and each text in quotes, first stands.
fn places<'q>(query: &'q str, parse: &Parse) -> HashMap<Cow<'q, str>, u32> {
    let mut places = HashMap::new();
    for token in &parse.tokens {
        let text = token.text(query);
        let word = match token.kind {
            TokenKind::Identifier | TokenKind::Keyword(_) => Cow::Borrowed(text),
            kind if kind.is_string() => Cow::Owned(string_value(text).unwrap_or_default()),
            _ => continue,
        };
        places.entry(word).or_insert(token.span.start);
    }
    places
}

/// The names in the order in which the text mentions them. What a wildcard stands for is not mentioned: `union *` names
/// no table. `all` keeps such names nevertheless, at the end.
fn mentioned(names: Vec<String>, places: &HashMap<Cow<'_, str>, u32>, all: bool) -> Vec<String> {
    let place = |name: &String| places.get(name.as_str()).copied();
    let mut names: Vec<String> = names.into_iter().filter(|name| all || place(name).is_some()).collect();
    names.sort_by_key(|name| place(name).unwrap_or(u32::MAX));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_utf16_units_and_types_kustos() {
        let schemas = Schemas::new(&[]);
        let query = "// 😀\nSecurityEvent | where Compuler == 1 | project EventID, TimeGenerated";
        let verdict = schemas.verdict(query, Platform::Sentinel);
        assert!(verdict.syntax_ok && !verdict.ok && !verdict.output_open);
        let fault = &verdict.diagnostics[0];
        let units: Vec<u16> = query.encode_utf16().collect();
        let at = fault.start as usize..(fault.start + fault.length) as usize;
        assert_eq!(String::from_utf16_lossy(&units[at]), "Compuler");
        assert_eq!((fault.severity, fault.code), ("Error", "KQL142"));
        assert!(fault.message.contains("did you mean `Computer`"), "{}", fault.message);
        assert_eq!(verdict.referenced_tables, ["SecurityEvent"]);
        let columns: Vec<_> = verdict.output_columns.iter().map(|c| (c.name.as_str(), c.ty)).collect();
        assert_eq!(columns, [("EventID", "int"), ("TimeGenerated", "datetime")]);
    }

    #[test]
    fn own_tables_are_added() {
        let source = SchemaSource::from_json(r#"{"tables": {"App_CL": {"User_s": "string"}}}"#).unwrap();
        let schemas = Schemas::new(&[source]);
        assert!(schemas.verdict("App_CL | project User_s", Platform::Sentinel).ok);
        assert!(!schemas.verdict("App_CL | project Other", Platform::Sentinel).ok);
        assert!(schemas.verdict("SecurityEvent | take 1", Platform::Unified).ok);
    }

    #[test]
    fn platforms_have_names() {
        assert_eq!(platform_named("XDR"), Some(Platform::Xdr));
        assert_eq!(platform_named("splunk"), None);
    }
}
