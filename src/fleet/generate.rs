//! Environment files made from rows of a table: their text, and whether a file that is there may be replaced.
//!
//! The first line of such a file carries a digest of the rest. A file whose digest fits was written here and not touched
//! since, so a changed table may replace it; any other file is somebody's work.

use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::environment::Environment;
use crate::yaml::decode::environment::environment;
use crate::yaml::merge::merge;
use crate::yaml::{Node, NodeKind};

use super::table::Row;

/// Begins the first line of a file that was written here.
const HEAD: &str = "# Written by `palisade env generate` from a table; change the table, not this file (";
/// Hexadecimal digits of the digest in it.
const DIGITS: usize = 16;

/// What stands where a file would be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    New,
    /// The same.
    Unchanged,
    /// What was written from an earlier table.
    Outdated,
    /// Something that was not written here, or was changed since.
    Foreign,
}

/// The environment that a row makes on top of what it extends; everything that is wrong with it is reported.
pub fn decoded(row: &Row, base: Option<&Node>, out: &mut Diagnostics) -> Option<Environment> {
    let has = |node: &Node, key: &str| node.get(key).is_some();
    let whole = match base {
        Some(base) if matches!(base.kind, NodeKind::Map(_)) => merge(base, &row.document),
        _ => row.document.clone(),
    };
    if has(&whole, "defender") || has(&whole, "sentinel") {
        return environment(&whole, &row.name.value, out);
    }
    out.push(
        Diagnostic::error(codes::MISSING_KEY, "neither `defender` nor a workspace is there")
            .labelled(row.name.span, "this environment deploys nowhere")
            .with_help("fill `defender` with yes, or `subscription`, `resource_group` and `workspace`"),
    );
    None
}

/// The file's text.
#[must_use]
pub fn text(row: &Row) -> String {
    let mut body = String::new();
    write(&row.document, 0, &mut body);
    format!("{HEAD}{})\n{body}", digest(&body))
}

/// What a file that is there (`None`: none is) means for writing `fresh` in its place.
#[must_use]
pub fn state(existing: Option<&str>, fresh: &str) -> State {
    let Some(existing) = existing else { return State::New };
    // A checkout may have changed the line breaks.
    let existing = existing.replace("\r\n", "\n");
    let intact = existing.strip_prefix(HEAD).and_then(|rest| rest.split_once(")\n"));
    match intact {
        _ if existing == fresh => State::Unchanged,
        Some((known, body)) if known == digest(body) => State::Outdated,
        _ => State::Foreign,
    }
}

/// Whether a file was written here and not changed since.
#[must_use]
pub fn is_ours(existing: &str) -> bool {
    state(Some(existing), "") == State::Outdated
}

fn digest(body: &str) -> String {
    let hex = crate::resource::hex(&Sha256::digest(body.as_bytes()));
    hex.get(..DIGITS).unwrap_or(&hex).to_owned()
}

/// A mapping in block style; lists and empty mappings in flow style.
fn write(node: &Node, indent: usize, out: &mut String) {
    let NodeKind::Map(entries) = &node.kind else { return };
    for (key, value) in entries {
        out.push_str(&format!("{:indent$}{}:", "", key.name));
        match &value.kind {
            NodeKind::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                write(value, indent + 2, out);
                continue;
            }
            NodeKind::Map(_) => out.push_str(" {}"),
            NodeKind::Seq(items) => {
                let items: Vec<String> = items.iter().filter_map(Node::as_str).map(scalar).collect();
                out.push_str(&format!(" [{}]", items.join(", ")));
            }
            _ => out.push_str(&format!(" {}", scalar(value.as_str().unwrap_or_default()))),
        }
        out.push('\n');
    }
}

/// A string as YAML: plain where nobody could read it as something else.
fn scalar(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = word.iter().any(|word| word.eq_ignore_ascii_case(value));
    let is_guid = uuid::Uuid::try_parse(value).is_ok() && value.len() == 36;
    // A GUID may look like a number with an exponent only where it has no dashes.
    if is_guid
        || value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && value.chars().all(plain)
            && !is_word
    {
        return value.to_owned();
    }
    serde_json::Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::table::{Defaults, read};
    use crate::source::SourceMap;

    fn files(table: &str) -> Vec<String> {
        let mut out = Diagnostics::default();
        let file = SourceMap::default().add("t.csv", table);
        let rows = read(table, file, Defaults { owner: Some("acme"), extends: Some("_base") }, &mut out);
        assert!(out.is_empty(), "{out:?}");
        rows.iter().map(text).collect()
    }

    #[test]
    fn a_row_is_a_small_file_and_reads_back_as_itself() {
        let table = "environment,tenant_id,ring,defender,subscription,resource_group,workspace,allowlists\n\
                     contoso,11111111-2222-4333-8444-555555555555,canary,yes,66666666-7777-4888-8999-000000000000,rg(soc),law-soc,_shared/a;_shared/b\n";
        let files = files(table);
        let (head, body) = files[0].split_once('\n').unwrap();
        assert!(head.starts_with("# Written by"), "{head}");
        assert_eq!(
            body,
            "extends: _base\nowner: acme/contoso\ntenant_id: 11111111-2222-4333-8444-555555555555\nring: canary\ndefender: {}\n\
             sentinel:\n  subscription: 66666666-7777-4888-8999-000000000000\n  resource_group: \"rg(soc)\"\n  workspace: law-soc\n\
             allowlists: [_shared/a, _shared/b]\n"
        );
        let file = SourceMap::default().add("e.yaml", files[0].as_str());
        let mut again = String::new();
        write(&crate::yaml::read::read(&files[0], file).unwrap(), 0, &mut again);
        assert_eq!(again, body);
    }

    #[test]
    fn only_what_was_written_here_and_not_touched_since_may_be_replaced() {
        let [old, new] =
            ["canary", "early"].map(|ring| files(&format!("environment,ring\na,{ring}\n")).remove(0));
        assert_eq!(state(None, &new), State::New);
        assert_eq!(state(Some(&new), &new), State::Unchanged);
        assert_eq!(state(Some(&new.replace('\n', "\r\n")), &new), State::Unchanged);
        assert_eq!(state(Some(&old), &new), State::Outdated);
        for foreign in ["", "owner: x\n", &old.replace("canary", "broad"), &format!("{old}# mine\n"), HEAD] {
            assert_eq!(state(Some(foreign), &new), State::Foreign, "{foreign}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_value_reads_back_as_the_string_it_is(value in "[ -~äöü日]{1,30}|true|1e5|0x1|-|~|null|12:30") {
            let text = format!("key: {}\n", scalar(&value));
            let file = SourceMap::default().add("e.yaml", text.as_str());
            let read = crate::yaml::read::read(&text, file).unwrap();
            proptest::prop_assert_eq!(read.get("key").and_then(Node::as_str), Some(value.as_str()));
        }
    }
}
