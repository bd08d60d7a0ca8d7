//! Entries that can never match: their conditions contradict each other, or what the column can hold.
//!
//! Only what is certain from the names and values alone; what needs the columns' types is the compiler's to say (ALW-05).

use crate::model::allowlist::{Entry, Predicate, Test, Value};
use crate::source::Span;

/// Digests by the end of the column's name, lower case, with their number of hexadecimal digits.
const DIGESTS: [(&str, usize); 3] = [("sha256", 64), ("sha1", 40), ("md5", 32)];

/// Why an entry can never match, and where, if so.
pub(super) fn reason(entry: &Entry) -> Option<(Span, String)> {
    entry.predicates.iter().find_map(alone).or_else(|| name_and_path(entry))
}

fn alone(predicate: &Predicate) -> Option<(Span, String)> {
    let column = predicate.column.value.as_str();
    if let Test::Regex(pattern) = &predicate.test {
        let impossible = regex_syntax::parse(&pattern.value).is_ok_and(
            |hir| matches!(hir.kind(), regex_syntax::hir::HirKind::Class(class) if class.is_empty()),
        );
        return impossible.then(|| (pattern.span, "no text matches this expression".to_owned()));
    }
    let lower = column.to_ascii_lowercase();
    let (_, length) = DIGESTS.iter().find(|(name, _)| lower.ends_with(name))?;
    let values = texts(predicate);
    // One good value is enough to match.
    let mut wrong =
        values.iter().filter_map(|(span, text)| Some((*span, digest_fault(text, *length, predicate)?)));
    let first = wrong.next()?;
    (wrong.count() + 1 == values.len()).then_some((first.0, format!("`{column}` {}", first.1)))
}

fn digest_fault(text: &str, length: usize, predicate: &Predicate) -> Option<String> {
    let count = text.chars().count();
    if count != length {
        return Some(format!("has {length} hexadecimal digits; this has {count} characters"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some("has hexadecimal digits only".to_owned());
    }
    (predicate.case_sensitive && text.bytes().any(|byte| byte.is_ascii_uppercase()))
        .then(|| "is written in lower case, and this test looks at case".to_owned())
}

/// In Microsoft's tables a folder path ends with the file's name.
fn name_and_path(entry: &Entry) -> Option<(Span, String)> {
    for path in &entry.predicates {
        let Some(prefix) = path.column.value.strip_suffix("FolderPath") else { continue };
        let name_column = format!("{prefix}FileName");
        let Some(name) = entry.predicates.iter().find(|one| one.column.value == name_column) else {
            continue;
        };
        let (paths, names) = (texts(path), texts(name));
        if paths.is_empty() || names.is_empty() {
            continue;
        }
        let fits = paths.iter().any(|(_, path)| {
            names.iter().any(|(_, name)| {
                let path = path.to_lowercase();
                path.rsplit(['\\', '/']).next() == Some(name.to_lowercase().as_str())
            })
        });
        // A folder without a file may be what another table holds.
        let has_file = paths
            .iter()
            .all(|(_, path)| path.rsplit(['\\', '/']).next().is_some_and(|last| last.contains('.')));
        if !fits && has_file {
            let span = names.first().map_or(name.span, |(span, _)| *span);
            let column = &path.column.value;
            return Some((span, format!("no `{column}` of this entry ends with this `{name_column}`")));
        }
    }
    None
}

/// The whole texts that a predicate compares with; none for any other test.
fn texts(predicate: &Predicate) -> Vec<(Span, &str)> {
    let text = |value: &'_ crate::source::Spanned<Value>| value.span;
    match &predicate.test {
        Test::Equals(value) => match &value.value {
            Value::String(found) => vec![(text(value), found.as_str())],
            _ => Vec::new(),
        },
        Test::In(values) => values
            .iter()
            .filter_map(|value| match &value.value {
                Value::String(found) => Some((text(value), found.as_str())),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
