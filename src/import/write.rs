//! A rule file's text: the document of a [`Draft`](super::Draft) as YAML.
//!
//! What is written reads back as the same values, whatever the texts hold. Queries and texts of several lines are literal
//! blocks, so that they can be copied into a portal; what fits on a line stands on one; everything else has a line of its
//! own. No comments, no anchors, and quotes exactly where a reader would otherwise see something else.

use serde_json::Value;

use super::draft::Properties;

/// How long a line may become before a list or mapping is spread over several.
const WIDTH: usize = 100;

/// Keys whose text always is a block.
const BLOCKS: &[&str] = &["query"];

/// The document as YAML, with a line break at the end.
#[must_use]
pub fn yaml(document: &Properties) -> String {
    let mut out = String::new();
    for (key, value) in document {
        out.push_str(&scalar(key));
        out.push(':');
        // Lists of mappings and sections have one member a line at the top, whatever their size.
        let spread = match value {
            Value::Object(_) => true,
            Value::Array(items) => items.iter().any(|item| item.is_object() || item.is_array()),
            _ => false,
        };
        member(&mut out, key, value, 0, spread);
    }
    out
}

/// The value of a key that stands at `indent`, with everything after the colon.
fn member(out: &mut String, key: &str, value: &Value, indent: usize, spread: bool) {
    match value {
        Value::String(text) if is_block(text) && (text.contains('\n') || BLOCKS.contains(&key)) => {
            block(out, text, indent + 2);
        }
        Value::Object(members) if !members.is_empty() => {
            let start = out.rfind('\n').map_or(0, |at| at + 1);
            match flow(value).filter(|_| !spread).filter(|flow| fits(out, start, flow)) {
                Some(flow) => line(out, &flow),
                None => {
                    out.push('\n');
                    mapping(out, members, indent + 2);
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let start = out.rfind('\n').map_or(0, |at| at + 1);
            match flow(value).filter(|_| !spread).filter(|flow| fits(out, start, flow)) {
                Some(flow) => line(out, &flow),
                None => {
                    out.push('\n');
                    for item in items {
                        sequence_item(out, item, indent + 2, spread);
                    }
                }
            }
        }
        value => line(out, &simple(value)),
    }
}

fn fits(out: &str, start: usize, flow: &str) -> bool {
    let before = out.get(start..).map_or(0, |text| text.chars().count());
    before + 1 + flow.chars().count() <= WIDTH
}

fn line(out: &mut String, text: &str) {
    out.push(' ');
    out.push_str(text);
    out.push('\n');
}

fn mapping(out: &mut String, members: &Properties, indent: usize) {
    for (key, value) in members {
        pad(out, indent);
        out.push_str(&scalar(key));
        out.push(':');
        member(out, key, value, indent, false);
    }
}

fn sequence_item(out: &mut String, item: &Value, indent: usize, spread: bool) {
    pad(out, indent);
    out.push('-');
    let start = out.len() - indent - 1;
    let flow = flow(item).filter(|_| !spread).filter(|flow| fits(out, start, flow));
    // The first member of what is spread stands beside the dash.
    let mut inside = String::new();
    match item {
        Value::Object(members) if !members.is_empty() && flow.is_none() => {
            mapping(&mut inside, members, indent + 2);
        }
        Value::Array(items) if !items.is_empty() && flow.is_none() => {
            items.iter().for_each(|item| sequence_item(&mut inside, item, indent + 2, false));
        }
        item => return member(out, "", item, indent, false),
    }
    out.push(' ');
    out.push_str(inside.get(indent + 2..).unwrap_or_default());
}

/// A value on one line, if nothing in it has several.
pub(super) fn flow(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.contains('\n') => None,
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(flow).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Object(members) => {
            let members: Option<Vec<String>> = members
                .iter()
                .map(|(key, value)| Some(format!("{}: {}", scalar(key), flow(value)?)))
                .collect();
            Some(format!("{{{}}}", members?.join(", ")))
        }
        value => Some(simple(value)),
    }
}

fn simple(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => self::number(number),
        Value::String(text) => scalar(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

/// Numbers that these files cannot hold as numbers (exponents, more than 64 bits) become texts; no key of a rule has any.
fn number(number: &serde_json::Number) -> String {
    let text = number.to_string();
    let is_plain =
        text.strip_prefix('-').unwrap_or(&text).bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_plain && (number.is_f64() || number.is_i64()) { text } else { quoted(&text) }
}

/// Whether a literal block can hold the text as it is.
fn is_block(text: &str) -> bool {
    let last = text.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
    // Blank lines of spaces at the end are read differently by different programs.
    !last.trim().is_empty() && text.chars().all(|c| matches!(c, '\n' | '\t') || is_printable(c))
}

fn block(out: &mut String, text: &str, indent: usize) {
    out.push_str(" |");
    if text.split('\n').find(|line| !line.is_empty()).is_some_and(|line| line.starts_with(' ')) {
        // The first line does not show how far the block is indented.
        out.push('2');
    }
    let ends = text.len() - text.trim_end_matches('\n').len();
    out.push_str(match ends {
        0 => "-\n",
        1 => "\n",
        _ => "+\n",
    });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A text on one line: plain where every reader takes it for itself, quoted otherwise.
fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Words that some reader of YAML takes for something else.
const WORDS: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null", "inf", "nan"];

fn is_plain(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '_'));
    let allowed = |c: char| c.is_alphanumeric() || " _./+@()%$;=^~-".contains(c);
    (first || is_guid(text))
        && !text.ends_with(' ')
        && text.chars().all(allowed)
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// No reader takes a GUID for a number, and ids are easier to find without quotes.
fn is_guid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Double quotes, or single ones where the text has backslashes or double quotes of its own.
fn quoted(text: &str) -> String {
    let is_safe = text.chars().all(is_printable);
    if is_safe && !text.contains(['"', '\\']) {
        return format!("\"{text}\"");
    }
    if is_safe {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// Whether YAML lets the character stand for itself and people can see it.
fn is_printable(c: char) -> bool {
    let is_noncharacter = (u32::from(c) & 0xfffe) == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}');
    !crate::characters::is_control(c)
        && !crate::characters::is_bidi_control(c)
        && !crate::characters::is_invisible(c)
        && !is_noncharacter
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::source::SourceMap;
    use crate::yaml::read::read;

    fn back(text: &str) -> Value {
        let mut sources = SourceMap::default();
        match read(text, sources.add("a.yaml", text)) {
            Ok(node) => node.to_json(),
            Err(found) => panic!("{:?}\n{text}", found.iter().map(|f| &f.summary).collect::<Vec<_>>()),
        }
    }

    #[test]
    fn looks_like_a_rule_file() {
        let document = json!({
            "id": "a-b", "name": "A: b", "tags": ["x", "1.0"], "enabled": false,
            "attack": [{"tactic": "Persistence", "techniques": ["T1053.005", "T1543"]}],
            "query": "T\n| where a == \"b\"  \n\n\t| take 1\n",
            "sentinel": {"kind": "scheduled", "frequency": "PT1H", "trigger": {"operator": "Equal", "threshold": 3},
                "entities": [{"type": "Host", "fields": {"HostName": "DeviceName"}},
                    {"type": "Account", "fields": {"Name": "SubjectUserNameOfTheEventThatWasFirst", "NTDomain": "SubjectDomainName", "Sid": "S"}}],
                "alert": {"name_format": "{{A}} is 'odd'", "description_format": "one\ntwo"}},
        });
        let expected = r#"id: a-b
name: "A: b"
tags: [x, "1.0"]
enabled: false
attack:
  - tactic: Persistence
    techniques: [T1053.005, T1543]
query: |
  T
  | where a == "b"  

  	| take 1
sentinel:
  kind: scheduled
  frequency: PT1H
  trigger: {operator: Equal, threshold: 3}
  entities:
    - {type: Host, fields: {HostName: DeviceName}}
    - type: Account
      fields: {Name: SubjectUserNameOfTheEventThatWasFirst, NTDomain: SubjectDomainName, Sid: S}
  alert:
    name_format: "{{A}} is 'odd'"
    description_format: |-
      one
      two
"#;
        let text = yaml(document.as_object().unwrap());
        assert_eq!(text, expected);
        assert_eq!(back(&text), document);
    }

    /// Texts with everything that has a meaning in YAML, and much that has none.
    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ \t\r\na|'\"\\\\:#-]{0,12}",
            "[ -~\n\t]{0,40}",
            "(true|null|~|0x1f|-1|1.5|007|\\.5|y|<<|---|\\.\\.\\.|%x|@a|`b|!c|&d|\\*e|\\[f|\\{g|, h|\\? i)[ :#]{0,2}",
        ]
        .prop_map(|text| text.replace('\0', ""))
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any_text().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(
                    any_text().prop_filter("a key", |key| key != "<<" && !key.is_empty()),
                    inner,
                    0..4
                )
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn what_is_written_reads_back(query in any_text(), rest in prop::collection::btree_map("[a-z]{1,6}", any_value(), 1..4)) {
            let mut document: Properties = rest.into_iter().collect();
            document.insert("query".to_owned(), query.into());
            let text = yaml(&document);
            prop_assert_eq!(back(&text), Value::Object(document), "\n{}", text);
            // And it is laid out as `fmt` would.
            let file = SourceMap::default().add("a.yaml", &*text);
            prop_assert_eq!(crate::yaml::format::format(&text, file).ok(), Some(text));
        }
    }
}
