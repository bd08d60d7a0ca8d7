//! The files that people write, as JSON Schema (draft 7, which editors know best): what `palisade schema KIND` prints and
//! `docs/schema/` holds.
//!
//! A schema says which keys there are, which are required, and what form values have, so that an editor completes and marks
//! while one types. It is not what decides: `yaml::decode` is, and it knows more (places, contradictions, references). A test
//! fills every key of every schema and reads the result, another compares the keys with the decoder's, so that neither
//! knows a key alone; descriptions come from `docs/formats.md`. Start with [`Format`] and [`schema`].

mod allowlist;
mod cases;
mod environment;
mod prose;
mod rule;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The page that describes every key.
const PAGE: &str = include_str!("../../docs/formats.md");

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `palisade.yaml`.
    Project,
    /// `rules/**/<id>.yaml`.
    Rule,
    /// `environments/<name>/environment.yaml`.
    Environment,
    /// `allowlists/**/*.yaml`.
    Allowlist,
    /// `watchlists/**/*.yaml`.
    Watchlist,
    /// `tests/<rule-id>.yaml`.
    Cases,
}

impl Format {
    /// Every format with the word for it and the files that are of it, as editors match them.
    pub const ALL: [(&'static str, Self, &'static [&'static str]); 6] = [
        ("project", Self::Project, &["palisade.yaml"]),
        ("rule", Self::Rule, &["rules/**/*.yaml"]),
        (
            "environment",
            Self::Environment,
            // What begins with `_` is extended: any key may be missing there.
            &["environments/*/environment.yaml", "!environments/_*/environment.yaml"],
        ),
        ("allowlist", Self::Allowlist, &["environments/*/allowlists/**/*.yaml"]),
        ("watchlist", Self::Watchlist, &["environments/*/watchlists/**/*.yaml"]),
        ("cases", Self::Cases, &["tests/*.yaml"]),
    ];
}

/// The schema of a kind of file, with descriptions.
#[must_use]
pub fn schema(format: Format) -> Value {
    let (mut schema, title, sections): (Value, &str, &[(&str, &str)]) = match format {
        Format::Project => (environment::project(), "Palisade project", &[("Project", "")]),
        Format::Rule => {
            let sections = &[("Rule", ""), ("Defender", "defender."), ("Sentinel", "sentinel.")];
            (rule::schema(), "Palisade rule", sections)
        }
        Format::Environment => (environment::schema(), "Palisade environment", &[("Environment", "")]),
        Format::Allowlist => (allowlist::schema(), "Palisade allowlist", &[("Allowlist", "")]),
        Format::Watchlist => (allowlist::watchlist(), "Palisade watchlist", &[("Watchlist", "")]),
        Format::Cases => (cases::schema(), "Cases of a Palisade rule", &[("Cases", "cases[].")]),
    };
    describe(&mut schema, "", &descriptions(sections));
    let mut whole = json!({"$schema": "http://json-schema.org/draft-07/schema#", "title": title});
    if let (Value::Object(whole), Value::Object(members)) = (&mut whole, schema) {
        whole.extend(members);
    }
    whole
}

/// What the page says about the keys below its headings, each under a prefix.
fn descriptions(sections: &[(&str, &str)]) -> BTreeMap<String, String> {
    let of = |(heading, prefix): &(&str, &str)| {
        let found = prose::of(PAGE, heading).into_iter();
        found.map(|(path, text)| (format!("{prefix}{path}"), text)).collect::<Vec<_>>()
    };
    sections.iter().flat_map(of).collect()
}

/// Puts each key's description beside its value.
fn describe(schema: &mut Value, path: &str, texts: &BTreeMap<String, String>) {
    let Value::Object(members) = schema else { return };
    for (key, value) in members.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, value) in properties.iter_mut() {
                    let path = format!("{path}{name}");
                    describe(value, &below(value, &path), texts);
                    if let (Some(text), Value::Object(value)) = (texts.get(&path), value) {
                        value.insert("description".to_owned(), json!(text));
                    }
                }
            }
            ("items", items) => describe(items, path, texts),
            ("additionalProperties", value) => describe(value, &format!("{path}<>."), texts),
            ("anyOf", Value::Array(branches)) => {
                for branch in branches {
                    let list =
                        if path.is_empty() && branch.get("items").is_some() { "cases[]." } else { path };
                    describe(branch, list, texts);
                }
            }
            _ => {}
        }
    }
}

/// The prefix of keys below a value: `attack[].` for a list of mappings, `trigger.` for a mapping.
fn below(value: &Value, path: &str) -> String {
    if value.get("items").is_some() { format!("{path}[].") } else { format!("{path}.") }
}
