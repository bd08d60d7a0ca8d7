//! `environments/<name>/schema/*.json`: the tables, functions and watchlists that only this environment has.
//!
//! ```json
//! {
//!   "platform": "sentinel",
//!   "complete": false,
//!   "tables": {"App_CL": {"TimeGenerated": "datetime", "User_s": "string"}},
//!   "functions": [{"name": "Users", "params": "(days:int=7)", "columns": {"User": "string"}, "open": false}],
//!   "watchlists": {"vips": {"Upn": "string"}}
//! }
//! ```
//!
//! JSON is read as the YAML that it is, so that every mistake has its line. Decoding is strict: a misspelt key would
//! silently leave a table unknown.

use super::object::{Object, pairs};
use super::scalar::{boolean, invalid, line, text, word};
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::kql::schema::{FunctionSource, Platform, SchemaSource};
use crate::kql::types::ScalarType;
use crate::model::schema::SchemaFile;
use crate::yaml::Node;

const PLATFORMS: [(&str, Platform); 2] = [("sentinel", Platform::Sentinel), ("xdr", Platform::Xdr)];

type Columns = Vec<(String, ScalarType)>;

/// A schema file of `environment`.
#[must_use]
pub fn schema(document: &Node, environment: &str, out: &mut Diagnostics) -> Option<SchemaFile> {
    let keys = ["platform", "complete", "tables", "functions", "watchlists"];
    let file = Object::open_file(document, "a schema", &keys, out)?;
    let source = SchemaSource {
        tables: file.optional("tables", out, named_columns).unwrap_or_default(),
        functions: file.list("functions", out, function),
        watchlists: file.optional("watchlists", out, named_columns).unwrap_or_default(),
        complete: file.optional("complete", out, boolean).is_some_and(|found| found.value),
    };
    Some(SchemaFile {
        environment: environment.to_owned(),
        platform: file.optional("platform", out, word(&PLATFORMS)).map(|found| found.value),
        source,
        span: document.span,
    })
}

fn named_columns(node: &Node, out: &mut Diagnostics) -> Option<Vec<(String, Columns)>> {
    let tables = pairs(node, "a mapping of tables to their columns", out, columns)?;
    Some(tables.into_iter().map(|(name, columns)| (name.value, columns)).collect())
}

fn columns(node: &Node, out: &mut Diagnostics) -> Option<Columns> {
    let columns = pairs(node, "a mapping of columns to their types", out, scalar_type)?;
    Some(columns.into_iter().map(|(name, ty)| (name.value, ty)).collect())
}

fn scalar_type(node: &Node, out: &mut Diagnostics) -> Option<ScalarType> {
    let written = line(node, out)?;
    let found = ScalarType::from_name(&written.value).filter(|ty| *ty != ScalarType::Unknown);
    if found.is_none() {
        let names = ScalarType::ALL.iter().filter(|ty| **ty != ScalarType::Unknown).map(|ty| ty.name());
        let help = match did_you_mean(&written.value, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of: {}", names.collect::<Vec<_>>().join(", ")),
        };
        out.push(invalid(written.span, "not a type of a column", "Kusto has no such type").with_help(help));
    }
    found
}

fn function(node: &Node, out: &mut Diagnostics) -> Option<FunctionSource> {
    let keys = ["name", "params", "body", "columns", "open"];
    let object = Object::open(node, "a function", &keys, out)?;
    // A catalogue writes `null` for what it does not know.
    let given =
        |key: &str| object.member(key).is_some_and(|(_, node)| node.kind != crate::yaml::NodeKind::Null);
    Some(FunctionSource {
        name: object.required("name", out, line)?.value,
        params: object.optional("params", out, line).map_or_else(|| "()".to_owned(), |found| found.value),
        body: if given("body") { object.optional("body", out, text).map(|found| found.value) } else { None },
        columns: if given("columns") { object.optional("columns", out, columns) } else { None },
        open: object.optional("open", out, boolean).is_some_and(|found| found.value),
    })
}
