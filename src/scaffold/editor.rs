//! What Visual Studio Code needs to complete and check files while one types: the recommended extension, the JSON Schemas, and
//! which files are of which.

use serde_json::{Map, Value, json};

use super::File;
use crate::formats::{Format, schema};

/// Where the schemas are written, below the repository's root.
const FOLDER: &str = ".vscode/schemas";

/// Settings, recommendations and a schema for each kind of file.
pub(super) fn files() -> Vec<File> {
    let path = |kind: &str| format!("{FOLDER}/{kind}.json");
    let matched: Map<String, Value> =
        Format::ALL.iter().map(|(kind, _, globs)| (format!("./{}", path(kind)), json!(globs))).collect();
    let mut files = vec![
        File::shared(".vscode/extensions.json", include_str!("data/extensions.json")),
        File::shared(".vscode/settings.json", pretty(&json!({ "yaml.schemas": matched }))),
    ];
    files.extend(Format::ALL.map(|(kind, format, _)| File::new(&path(kind), pretty(&schema(format)))));
    files
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
