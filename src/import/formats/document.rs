//! YAML documents as JSON values, nothing lost on the way: a version `1.10` stays `1.10`.

use serde_json::{Map, Number, Value};

use crate::source::SourceMap;
use crate::yaml::{Node, NodeKind, read};

/// Every document of a file, or where and why it cannot be read.
pub(super) fn yaml(text: &str) -> Result<Vec<Value>, String> {
    let mut documents = Vec::new();
    for (first_line, part) in parts(text) {
        let mut sources = SourceMap::default();
        let file = sources.add("", part.as_str());
        match read::read(&part, file) {
            Ok(node) if node.kind == NodeKind::Null => {}
            Ok(node) => documents.push(value(&node, &sources)),
            Err(found) => return Err(complaint(&found, &sources, first_line)),
        }
    }
    Ok(documents)
}

/// The documents between lines of `---`, each with the number of lines before it.
fn parts(text: &str) -> Vec<(u32, String)> {
    let mut parts = vec![(0, String::new())];
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        if line.trim_end() == "---" {
            parts.push((number, String::new()));
        } else if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
        }
    }
    parts
}

fn complaint(found: &crate::diagnostic::Diagnostics, sources: &SourceMap, before: u32) -> String {
    let Some(first) = found.iter().next() else { return "it is not YAML".to_owned() };
    let place = first.span.map(|span| sources.position(span));
    let place = place.map_or_else(String::new, |at| format!(" at {}:{}", at.line + before, at.column));
    let label = first.label.as_ref().map_or_else(String::new, |label| format!(": {label}"));
    format!("{}{place}{label}", first.summary)
}

fn value(node: &Node, sources: &SourceMap) -> Value {
    match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(value) => (*value).into(),
        NodeKind::Int(value) => as_written(Number::from(*value), node, sources),
        NodeKind::Float(value) => match Number::from_f64(*value) {
            Some(number) => as_written(number, node, sources),
            None => sources.slice(node.span).into(),
        },
        NodeKind::Str(text) => text.value.as_str().into(),
        NodeKind::Seq(items) => items.iter().map(|item| value(item, sources)).collect(),
        NodeKind::Map(members) => {
            let members: Map<String, Value> =
                members.iter().map(|(key, node)| (key.name.clone(), value(node, sources))).collect();
            members.into()
        }
    }
}

/// A number, unless that would not be written like this again.
fn as_written(number: Number, node: &Node, sources: &SourceMap) -> Value {
    let written = sources.slice(node.span).trim();
    if number.to_string() == written { number.into() } else { written.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::yaml;

    #[test]
    fn numbers_stay_as_they_were_written() {
        let found = yaml("a: 1.10\nb: 1.5\nc: 007\nd: 0x1F\ne: [1, -2, true, ~]\nf: 1.0.0\n").unwrap();
        assert_eq!(
            found,
            [json!({"a": "1.10", "b": 1.5, "c": "007", "d": "0x1F", "e": [1, -2, true, null], "f": "1.0.0"})]
        );
    }

    #[test]
    fn documents_are_told_apart_and_complaints_have_the_line_of_the_file() {
        assert_eq!(yaml("---\na: 1\n---\nb: 2\n").unwrap().len(), 2);
        let complaint = yaml("a: 1\n---\nb: 2\nc: [\n").unwrap_err();
        assert!(complaint.contains("at 4:") || complaint.contains("at 5:"), "{complaint}");
    }
}
