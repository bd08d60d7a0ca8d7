//! From arguments to operations: which rule, where, and new values.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::args::{PlaceArgs, RuleArgs};
use crate::sandbox::SandboxError;

/// An operation on one rule.
pub(super) fn with(
    rule: &RuleArgs,
    project_root: &Path,
    mut operation: Value,
) -> Result<Value, SandboxError> {
    if let Some(map) = operation.as_object_mut() {
        map.insert("rule".to_owned(), json!(rule.rule));
        map.insert("platform".to_owned(), json!(rule.platform));
    }
    in_place(&rule.place, project_root, operation)
}

/// An operation, restricted to a place.
pub(super) fn in_place(
    place: &PlaceArgs,
    project_root: &Path,
    mut operation: Value,
) -> Result<Value, SandboxError> {
    let (mut workspaces, mut tenants): (Vec<String>, Vec<String>) =
        (place.workspace.iter().cloned().collect(), place.tenant.iter().cloned().collect());
    if let Some(name) = &place.env {
        (workspaces, tenants) = environment(project_root, name)?;
    }
    if let Some(map) = operation.as_object_mut() {
        map.insert("workspace".to_owned(), json!(workspaces));
        map.insert("tenant".to_owned(), json!(tenants));
    }
    Ok(operation)
}

/// Workspaces and tenant of an environment file. Only these two keys are looked at; the file is checked elsewhere.
fn environment(project_root: &Path, name: &str) -> Result<(Vec<String>, Vec<String>), SandboxError> {
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    if !plain {
        return Err(SandboxError::Refused(format!("`{name}` is not the name of an environment")));
    }
    let path = project_root.join("environments").join(name).join("environment.yaml");
    let file: Value = serde_saphyr::from_str(&read(&path)?)
        .map_err(|e| SandboxError::Refused(format!("{} cannot be read: {e}", path.display())))?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let sentinel = file.get("sentinel").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let workspaces = sentinel.iter().filter_map(|entry| text(entry, "workspace")).collect();
    Ok((workspaces, text(&file, "tenant_id").into_iter().collect()))
}

/// `PATH=VALUE` with values as JSON, as the content of a file, or as plain text.
pub(super) fn assignments(set: &[String]) -> Result<Map<String, Value>, SandboxError> {
    let mut out = Map::new();
    for (path, value) in pairs(set)? {
        let text = value.as_str().unwrap_or_default();
        let value = match text.strip_prefix('@') {
            Some(file) => Value::String(read(Path::new(file))?),
            None => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        out.insert(path, value);
    }
    Ok(out)
}

/// `NAME=VALUE` items as an object of texts.
pub(super) fn pairs(items: &[String]) -> Result<Map<String, Value>, SandboxError> {
    let pair = |item: &String| {
        let (name, value) = item
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| SandboxError::Refused(format!("`{item}` is not of the form NAME=VALUE")))?;
        Ok((name.to_owned(), Value::String(value.to_owned())))
    };
    items.iter().map(pair).collect()
}

pub(super) fn parse_json(text: &str, what: &str) -> Result<Value, SandboxError> {
    serde_json::from_str(text).map_err(|e| SandboxError::Refused(format!("{what} is not JSON: {e}")))
}

pub(super) fn read(path: &Path) -> Result<String, SandboxError> {
    std::fs::read_to_string(path).map_err(|source| SandboxError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}
