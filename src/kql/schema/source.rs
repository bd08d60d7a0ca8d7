//! Schemas as JSON: what `schema pull` writes for an environment and what the packer reads.
//!
//! ```json
//! {"tables": {"App_CL": {"TimeGenerated": "datetime", "User_s": "string"}},
//!  "functions": [{"name": "GetUsers", "params": "(days:int=7)", "columns": {"User": "string"}, "open": false}],
//!  "watchlists": {"vips": {"Upn": "string"}},
//!  "complete": true}
//! ```
//!
//! A function gives its result as `columns` (with `open`: there may be more) or as a `body` in KQL. `complete` says that
//! every table of the environment is listed, so that an unknown one is an error.

use std::fmt;

use serde_json::{Map, Value};

use crate::kql::types::ScalarType;

/// A schema as read from JSON, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaSource {
    /// Tables with their columns.
    pub tables: Vec<(String, Vec<(String, ScalarType)>)>,
    /// Stored functions.
    pub functions: Vec<FunctionSource>,
    /// Watchlists by alias, with the columns of their items.
    pub watchlists: Vec<(String, Vec<(String, ScalarType)>)>,
    /// Every table of the environment is listed.
    pub complete: bool,
}

/// A stored function of a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionSource {
    /// Its name.
    pub name: String,
    /// Its parameters as KQL: `(a:string, n:long=5)`.
    pub params: String,
    /// Its body as KQL in braces; preferred over `columns`.
    pub body: Option<String>,
    /// The columns of its result.
    pub columns: Option<Vec<(String, ScalarType)>>,
    /// The result may have more columns than these.
    pub open: bool,
}

/// Why a schema file was refused: where in the document, and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The place, as a path of keys: `tables.App_CL.User_s`.
    pub at: String,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "{}: {}", self.at, self.problem)
        }
    }
}

impl std::error::Error for SchemaError {}

impl SchemaSource {
    /// Reads the JSON form. Unknown keys are ignored: a newer file may say more.
    ///
    /// # Errors
    /// When the text is not JSON or a table, column or function is not of the form above.
    pub fn from_json(text: &str) -> Result<SchemaSource, SchemaError> {
        let value: Value = serde_json::from_str(text).map_err(|e| error("", e.to_string()))?;
        let root = object(&value, "")?;
        Ok(SchemaSource {
            tables: lists(root.get("tables"), "tables")?,
            functions: functions(root.get("functions"))?,
            watchlists: lists(root.get("watchlists"), "watchlists")?,
            complete: root.get("complete").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

type NamedColumns = Vec<(String, Vec<(String, ScalarType)>)>;

fn lists(value: Option<&Value>, at: &str) -> Result<NamedColumns, SchemaError> {
    let Some(value) = value.filter(|v| !v.is_null()) else { return Ok(Vec::new()) };
    let mut list = Vec::new();
    for (name, table) in object(value, at)? {
        list.push((name.clone(), columns(table, &format!("{at}.{name}"))?));
    }
    Ok(list)
}

fn columns(value: &Value, at: &str) -> Result<Vec<(String, ScalarType)>, SchemaError> {
    let mut list = Vec::new();
    for (name, ty) in object(value, at)? {
        let text = ty.as_str().ok_or_else(|| error(&format!("{at}.{name}"), "a type name is expected"))?;
        let ty = ScalarType::from_name(text)
            .ok_or_else(|| error(&format!("{at}.{name}"), format!("'{text}' is not a Kusto type")))?;
        list.push((name.clone(), ty));
    }
    Ok(list)
}

fn functions(value: Option<&Value>) -> Result<Vec<FunctionSource>, SchemaError> {
    let Some(value) = value.filter(|v| !v.is_null()) else { return Ok(Vec::new()) };
    let items = value.as_array().ok_or_else(|| error("functions", "a list is expected"))?;
    let mut list = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = format!("functions[{index}]");
        let map = object(item, &at)?;
        let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
        let result = match map.get("columns").filter(|v| !v.is_null()) {
            Some(value) => Some(columns(value, &format!("{at}.columns"))?),
            None => None,
        };
        list.push(FunctionSource {
            name: text("name").ok_or_else(|| error(&at, "a name is expected"))?,
            params: text("params").unwrap_or_else(|| "()".to_owned()),
            body: text("body"),
            columns: result,
            open: map.get("open").and_then(Value::as_bool).unwrap_or(false),
        });
    }
    Ok(list)
}

fn object<'v>(value: &'v Value, at: &str) -> Result<&'v Map<String, Value>, SchemaError> {
    value.as_object().ok_or_else(|| error(at, "an object is expected"))
}

fn error(at: &str, problem: impl Into<String>) -> SchemaError {
    SchemaError { at: at.to_owned(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_documented_form() {
        let source = SchemaSource::from_json(
            r#"{"tables": {"App_CL": {"T": "date"}}, "functions": [{"name": "f", "body": "{ App_CL }"}],
                "watchlists": {"vips": {"Upn": "string"}}, "complete": true}"#,
        )
        .unwrap();
        assert_eq!(source.tables, vec![("App_CL".to_owned(), vec![("T".to_owned(), ScalarType::DateTime)])]);
        assert_eq!(source.functions[0].params, "()");
        assert_eq!(source.watchlists[0].0, "vips");
        assert!(source.complete);
    }

    #[test]
    fn says_where_a_file_is_wrong() {
        let problem = SchemaSource::from_json(r#"{"tables": {"T": {"a": "varchar"}}}"#).unwrap_err();
        assert_eq!(problem.at, "tables.T.a");
        assert!(SchemaSource::from_json("[]").is_err());
    }
}
