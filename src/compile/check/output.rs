//! Columns that an alert takes from the query's result: they must be there, and hold something that can be shown.
//!
//! Services accept a rule whose alert names a column that the query does not return, or refuse it with a message that does
//! not say where. The first kind is worse: the alert arrives without its host, and nobody notices. When the result cannot be
//! known in full (open tables, plugins), nothing is reported.

use crate::compile::check::codes::Code;
use crate::compile::check::{codes, placeholders};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::kql::bind::RowSchema;
use crate::kql::types::ScalarType;
use crate::model::defender::{Defender, MemberValue};
use crate::model::rule::Rule;
use crate::model::sentinel::{Kind, Sentinel};
use crate::source::{SourceMap, Span, Spanned};

/// What the alert is checked against.
pub(super) struct Output<'a> {
    pub(super) result: &'a RowSchema,
    /// Where a reader finds the result: the query.
    pub(super) query: Span,
    pub(super) sources: &'a SourceMap,
}

/// The alert of an analytics rule.
pub(super) fn sentinel(section: &Sentinel, output: &Output<'_>, found: &mut Diagnostics) {
    let alerting = match &section.kind.value {
        Kind::Scheduled(both) => &both.1,
        Kind::Nrt(alerting) => alerting,
        _ => return,
    };
    let code = codes::SENTINEL_COLUMNS;
    for mapping in &alerting.entities {
        for (identifier, column) in &mapping.fields {
            let what = format!("{} {}", mapping.entity.value, identifier.value);
            output.column(code, &what, column, found);
        }
    }
    for column in &alerting.sentinel_entities {
        output.column(code, "Sentinel entities", column, found);
    }
    for (key, column) in &alerting.custom_details {
        output.column(code, &format!("custom detail {}", key.value), column, found);
    }
    let Some(alert) = &alerting.alert else { return };
    for format in [&alert.name_format, &alert.description_format].into_iter().flatten() {
        output.placeholders(code, format, found);
    }
    for (what, column) in [("tactics", &alert.tactics_column), ("severity", &alert.severity_column)] {
        let Some(column) = column else { continue };
        if output.column(code, &format!("alert's {what}"), column, found) {
            output.text(code, what, column, found);
        }
    }
    for (property, column) in &alert.dynamic_properties {
        output.column(code, &property.value, column, found);
    }
}

/// The alert and the response actions of a custom detection.
pub(super) fn defender(rule: &Rule, section: &Defender, output: &Output<'_>, found: &mut Diagnostics) {
    let code = codes::DEFENDER_COLUMNS;
    for collection in section.entities.iter().chain(&section.actions) {
        for (member, value) in collection.items.iter().flatten() {
            // `isolationType` and `deviceGroupNames` are no columns.
            if let (true, MemberValue::One(column)) = (member.value.ends_with("Column"), value) {
                output.column(code, &format!("{} {}", collection.name.value, member.value), column, found);
            }
        }
    }
    for (key, column) in &section.custom_details {
        output.column(code, &format!("custom detail {}", key.value), column, found);
    }
    let title = section.title.as_ref().unwrap_or(&rule.name);
    let description = section.description.as_ref().or(rule.description.as_ref());
    for format in [Some(title), description].into_iter().flatten() {
        output.placeholders(code, format, found);
    }
}

impl Output<'_> {
    /// Whether the result has a column; reported if not.
    fn column(&self, code: Code, what: &str, column: &Spanned<String>, found: &mut Diagnostics) -> bool {
        let missing = self.missing(code, &column.value);
        match missing {
            Some(finding) => {
                let label = format!("{what}: the query returns no `{}`", column.value);
                found.push(finding.labelled(column.span, label).with_related(self.query, "this query"));
                false
            }
            None => true,
        }
    }

    fn placeholders(&self, code: Code, format: &Spanned<String>, found: &mut Diagnostics) {
        // What is malformed is reported by another check.
        let mut ignored = Diagnostics::default();
        for name in placeholders::columns(format, &mut ignored) {
            let Some(finding) = self.missing(code, &name) else { continue };
            let span = placeholders::place(self.sources, format.span, &name);
            let label = format!("the query returns no `{name}`");
            found.push(finding.labelled(span, label).with_related(self.query, "this query"));
        }
    }

    /// The tactics and the severity of an alert are words.
    fn text(&self, code: Code, what: &str, column: &Spanned<String>, found: &mut Diagnostics) {
        let Some(ty) = self.result.column(&column.value) else { return };
        if !matches!(ty, ScalarType::String | ScalarType::Dynamic | ScalarType::Unknown) {
            found.push(
                code.warning("a column of the alert has the wrong type")
                    .labelled(column.span, format!("`{}` is {}", column.value, article(ty)))
                    .with_related(self.query, "this query")
                    .with_detail(format!(
                        "The alert's {what} is a word of a closed list; anything else is ignored."
                    ))
                    .with_help(format!(
                        "give a column with such words, for example by `extend {} = ...`",
                        column.value
                    )),
            );
        }
    }

    /// The finding for a column that the result lacks for certain.
    fn missing(&self, code: Code, name: &str) -> Option<Diagnostic> {
        if name.trim().is_empty() || self.result.open || self.result.column(name).is_some() {
            return None;
        }
        let names = || self.result.columns.iter().map(|column| column.name.as_str());
        let help = match did_you_mean(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the query returns: {}", shortened(names())),
        };
        let detail = "Column names are compared with case. The service refuses the rule, or raises its alerts without this value.";
        Some(
            code.error("a column of the alert is not in the query's result")
                .with_detail(detail)
                .with_help(help),
        )
    }
}

/// `a string`, `an int`.
pub(super) fn article(ty: ScalarType) -> String {
    match ty {
        ScalarType::Int => format!("an {ty}"),
        _ => format!("a {ty}"),
    }
}

/// The first names of a list that may be long.
pub(super) fn shortened<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let all: Vec<&str> = names.collect();
    match all.get(..MOST) {
        Some(first) if all.len() > MOST => format!("{} and {} more", first.join(", "), all.len() - MOST),
        _ => all.join(", "),
    }
}
