//! Foreign rule files: recognised by what they hold, never by their name, and brought into the services' own properties.
//!
//! One file per format; each turns a document into [`Foreign`] rules, most of them by way of [`super::raise`]. What a format
//! has and a rule file has not stays under `x-` keys with a remark (`Draft::keep`), so that every value of the original is in
//! the file or in the report. Nothing is judged here: whether a rule is good is for `validate` to say.
//!
//! Start with [`read`]. docs/import.md says for each format what becomes of what.

mod arm;
mod azure_sentinel;
mod document;
mod expression;
mod falconforge;
mod falconfriday;
mod graph;
mod section;
mod sigma;
mod words;
mod xdr_converter;

use serde_json::{Map, Value};

use super::draft::Draft;

/// A format that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Analytic rules as Azure-Sentinel's repository has them.
    AzureSentinel,
    /// ARM templates: written by hand, exported by the portal, compiled from Bicep; answers of Resource Manager.
    Arm,
    /// FalconForge `usecase.yml`.
    FalconForge,
    /// FalconFriday markdown.
    FalconFriday,
    /// XDRConverter YAML.
    XdrConverter,
    /// A custom detection as Graph takes it.
    Graph,
    /// A custom detection in the shape that Graph retired.
    GraphLegacy,
    /// Sigma with KQL in it.
    Sigma,
}

impl Format {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AzureSentinel => "Azure-Sentinel YAML",
            Self::Arm => "ARM template",
            Self::FalconForge => "FalconForge",
            Self::FalconFriday => "FalconFriday markdown",
            Self::XdrConverter => "XDRConverter YAML",
            Self::Graph => "Graph",
            Self::GraphLegacy => "Graph, retired shape",
            Self::Sigma => "Sigma",
        }
    }
}

/// A rule that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// Which format it had.
    pub format: Format,
    /// Where in its file, when there may be several: `resource 3`.
    pub part: Option<String>,
    /// What its id is to be made from, when that is not its name.
    pub id_from: Option<String>,
    /// The id that the platform knows it by, when the file says.
    pub platform_id: Option<String>,
    /// The rule file.
    pub draft: Draft,
}

/// Something that did not become a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Where in its file.
    pub part: Option<String>,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub help: Option<String>,
    /// It should have become one: it is broken, or says too little.
    pub is_error: bool,
}

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Rules, in the order of writing.
    pub rules: Vec<Foreign>,
    /// Everything else, with the reason.
    pub left: Vec<Left>,
    /// Parts of the file around the rules that no rule file has a place for.
    pub around: Vec<String>,
}

impl Reading {
    fn broken(&mut self, part: Option<String>, reason: impl Into<String>) {
        self.left.push(Left { part, reason: reason.into(), help: None, is_error: true });
    }

    fn helpless(&mut self, reason: impl Into<String>, help: impl Into<String>) {
        self.left.push(Left { part: None, reason: reason.into(), help: Some(help.into()), is_error: true });
    }

    fn no_rule(&mut self, part: Option<String>, reason: impl Into<String>) {
        self.left.push(Left { part, reason: reason.into(), help: None, is_error: false });
    }
}

impl Foreign {
    fn new(format: Format, draft: Draft) -> Self {
        Self { format, part: None, id_from: None, platform_id: None, draft }
    }
}

/// Every rule of a file. `text` is all of it; a byte order mark is no part of it.
#[must_use]
pub fn read(text: &str) -> Reading {
    let mut reading = Reading::default();
    let first = text.trim_start().chars().next();
    if matches!(first, Some('{' | '[')) {
        arm::json(text, &mut reading);
    } else if falconfriday::is_markdown(text) {
        falconfriday::read(text, &mut reading);
    } else {
        match document::yaml(text) {
            Ok(documents) => {
                let several = documents.len() > 1;
                for (number, document) in (1..).zip(documents) {
                    let part = several.then(|| format!("document {number}"));
                    one(document, part, &mut reading);
                }
            }
            Err(reason) => reading.broken(None, reason),
        }
    }
    if reading.rules.is_empty() && reading.left.is_empty() {
        reading.no_rule(None, "it holds no rule");
    }
    reading
}

/// One document of any format that is one rule.
fn one(value: Value, part: Option<String>, reading: &mut Reading) {
    let Value::Object(document) = value else {
        return reading.no_rule(part, "it is no rule of a known format");
    };
    let before = reading.rules.len();
    let has = |key: &str| document.contains_key(key);
    if has("detection_query") {
        falconforge::read(document, reading);
    } else if has("queryCondition") {
        graph::read(document, reading);
    } else if has("queryText") && (has("ruleName") || has("alertTitle")) {
        xdr_converter::read(document, reading);
    } else if has("logsource") && has("detection") {
        sigma::read(document, reading);
    } else if has("kind") && has("properties") {
        arm::resource(document, reading);
    } else if has("id") && has("status") && (has("sentinel") || has("defender")) {
        reading.no_rule(part.clone(), "it is a rule file of Palisade already");
    } else if azure_sentinel::is_rule(&document) {
        azure_sentinel::read(document, reading);
    } else if has("query") && has("name") {
        reading.no_rule(
            part.clone(),
            "it is a query without a schedule and a severity (a hunting query?), not a rule",
        );
    } else {
        reading.no_rule(part.clone(), "it is no rule of a known format");
    }
    for rule in reading.rules.iter_mut().skip(before) {
        if part.is_some() {
            rule.part.clone_from(&part);
        }
    }
}

/// Keeps every member of `rest` in the draft.
fn keep_rest(draft: &mut Draft, rest: Map<String, Value>, why: &str) {
    for (key, value) in rest {
        draft.keep(&key, value, why);
    }
}
