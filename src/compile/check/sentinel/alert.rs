//! What an alert says: custom details, name and description formats, dynamic properties.

use crate::compile::check::words::{is_word, length, one_of, repeated};
use crate::compile::check::{codes, facts, placeholders};
use crate::diagnostic::Diagnostics;
use crate::model::sentinel::{AlertOverride, Alerting};
use crate::source::Spanned;

pub(super) fn check(alerting: &Alerting, diagnostics: &mut Diagnostics) {
    custom_details(&alerting.custom_details, diagnostics);
    let Some(alert) = &alerting.alert else { return };
    if let Some(format) = &alert.name_format {
        check_format(format, "name", facts::SENTINEL_NAME, diagnostics);
    }
    if let Some(format) = &alert.description_format {
        check_format(format, "description", facts::SENTINEL_DESCRIPTION, diagnostics);
    }
    dynamic_properties(alert, diagnostics);
}

fn custom_details(details: &[(Spanned<String>, Spanned<String>)], diagnostics: &mut Diagnostics) {
    if let Some((key, _)) = details.get(facts::CUSTOM_DETAILS) {
        diagnostics.push(
            codes::SENTINEL_DETAILS
                .error("too many custom details")
                .labelled(key.span, format!("one of {}", details.len()))
                .with_detail(format!("Sentinel accepts {} custom details a rule.", facts::CUSTOM_DETAILS))
                .with_help(
                    "keep what an analyst needs first; `pack()` several columns into one in the query",
                ),
        );
    }
    for (key, column) in details {
        let letter = |c: char| c.is_ascii_alphabetic();
        if !is_word(&key.value, letter) || length(&key.value) > facts::SENTINEL_DETAIL_KEY {
            diagnostics.push(
                codes::SENTINEL_DETAILS
                    .error("custom detail's key not accepted")
                    .labelled(key.span, format!("{} characters", length(&key.value)))
                    .with_detail(
                        "A key has at most 20 letters, digits and underscores and starts with a letter.",
                    )
                    .with_help("shorten it, or write it in CamelCase without spaces or dots"),
            );
        }
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !is_word(&column.value, first) || length(&column.value) > facts::SENTINEL_DETAIL_COLUMN {
            diagnostics.push(
                codes::SENTINEL_DETAILS
                    .error("custom detail's column not accepted")
                    .labelled(column.span, "not a plain column name")
                    .with_detail(
                        "Sentinel takes a column of at most 500 letters, digits and underscores that starts with a \
                         letter or an underscore; paths such as `a.b` are not columns.",
                    )
                    .with_help("`extend` the value into a column of its own in the query and name that"),
            );
        }
    }
}

fn check_format(format: &Spanned<String>, what: &str, limit: usize, diagnostics: &mut Diagnostics) {
    let actual = length(&format.value);
    if actual > limit {
        diagnostics.push(
            codes::ALERT_FORMAT
                .error(format!("alert {what} format too long"))
                .labelled(format.span, format!("{actual} characters"))
                .with_detail(format!("Sentinel accepts at most {limit} characters."))
                .with_help(format!("shorten it by {}", actual - limit)),
        );
    }
    let columns = placeholders::columns(format, diagnostics);
    let summary = format!("too many placeholders in the alert {what} format");
    let most = facts::PLACEHOLDERS;
    if placeholders::distinct(&columns) > most {
        diagnostics.push(
            codes::ALERT_FORMAT
                .error(summary)
                .labelled(format.span, format!("{} columns", placeholders::distinct(&columns)))
                .with_detail(format!("Sentinel accepts {most} placeholders in each format."))
                .with_help("keep the most telling ones; the others can be custom details"),
        );
    } else if columns.len() > most {
        diagnostics.push(
            codes::ALERT_FORMAT
                .warning(summary)
                .labelled(format.span, format!("{} placeholders", columns.len()))
                .with_detail(format!(
                    "Sentinel documents {most} placeholders in each format; whether it counts a repeated one again is not documented."
                ))
                .with_help("name each column once"),
        );
    }
}

fn dynamic_properties(alert: &AlertOverride, diagnostics: &mut Diagnostics) {
    for (property, column) in &alert.dynamic_properties {
        let names = facts::ALERT_PROPERTIES.iter().copied();
        if let Some(finding) = one_of(codes::ALERT_FORMAT, "alert property", "Sentinel", property, names) {
            diagnostics.push(finding);
        }
        if column.value.trim().is_empty() {
            diagnostics.push(
                codes::ALERT_FORMAT
                    .error("alert property without a column")
                    .labelled(column.span, "no column")
                    .with_detail("Sentinel fills the property from a column of the query's result.")
                    .with_help("name a column, or remove the property"),
            );
        }
    }
    for (earlier, later) in repeated(&alert.dynamic_properties, |(property, _)| &property.value) {
        diagnostics.push(
            codes::ALERT_FORMAT
                .error("alert property set twice")
                .labelled(later.0.span, "again")
                .with_related(earlier.0.span, "first here")
                .with_detail("An alert has one value for each property.")
                .with_help("remove one of them"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{Case, alert_of, alerting_of, details, mark, plain, run, scheduled};
    use crate::diagnostic::Severity::{Error, Warning};

    #[test]
    #[rustfmt::skip]
    fn custom_details() {
        run(&scheduled(), None, &[
            Case("twenty", |r| alerting_of(r).custom_details = details(20), &[]),
            Case("twenty-one", |r| { alerting_of(r).custom_details = details(21); alerting_of(r).custom_details[20].0 = mark("Last".into()); }, &[("SEN-06", Error, "too many custom details", "pack")]),
            Case("key of 20", |r| alerting_of(r).custom_details[0].0 = mark("K2345678901234567890".into()), &[]),
            Case("key of 21", |r| alerting_of(r).custom_details[0].0 = mark("K23456789012345678901".into()), &[("SEN-06", Error, "key not accepted", "shorten")]),
            Case("key with a space", |r| alerting_of(r).custom_details[0].0 = mark("Task name".into()), &[("SEN-06", Error, "key not accepted", "CamelCase")]),
            Case("key with an underscore first", |r| alerting_of(r).custom_details[0].0 = mark("_Task".into()), &[("SEN-06", Error, "key not accepted", "")]),
            Case("column with an underscore first", |r| alerting_of(r).custom_details[0].1 = mark("_ResourceId".into()), &[]),
            Case("path as a column", |r| alerting_of(r).custom_details[0].1 = mark("AdditionalFields.TaskName".into()), &[("SEN-06", Error, "column not accepted", "extend")]),
            Case("column of 500", |r| alerting_of(r).custom_details[0].1 = mark("c".repeat(500)), &[]),
            Case("column of 501", |r| alerting_of(r).custom_details[0].1 = mark("c".repeat(501)), &[("SEN-06", Error, "column not accepted", "")]),
            Case("empty column", |r| alerting_of(r).custom_details[0].1 = mark(String::new()), &[("SEN-06", Error, "column not accepted", "")]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn formats() {
        run(&scheduled(), None, &[
            Case("three placeholders", |r| alert_of(r).name_format = Some(mark("{{A}} {{B}} {{C}}".into())), &[]),
            Case("three in each", |r| { alert_of(r).name_format = Some(plain("{{A}} {{B}} {{C}}".into())); alert_of(r).description_format = Some(mark("{{D}} {{E}} {{F}}".into())); }, &[]),
            Case("four", |r| alert_of(r).name_format = Some(mark("{{A}} {{B}} {{C}} {{D}}".into())), &[("SEN-15", Error, "too many placeholders in the alert name", "custom details")]),
            Case("four of three", |r| alert_of(r).description_format = Some(mark("{{A}} {{B}} {{C}} {{A}}".into())), &[("SEN-15", Warning, "too many placeholders in the alert description", "once")]),
            Case("unclosed", |r| alert_of(r).name_format = Some(mark("Task {{TaskName on".into())), &[("META-08", Error, "malformed placeholder", "double braces")]),
            Case("name of 256", |r| alert_of(r).name_format = Some(mark("x".repeat(256))), &[]),
            Case("name of 257", |r| alert_of(r).name_format = Some(mark("x".repeat(257))), &[("SEN-15", Error, "name format too long", "by 1")]),
            Case("description of 5,001", |r| alert_of(r).description_format = Some(mark("x".repeat(5_001))), &[("SEN-15", Error, "description format too long", "by 1")]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn dynamic_properties() {
        run(&scheduled(), None, &[
            Case("known", |r| alert_of(r).dynamic_properties = vec![(mark("RemediationSteps".into()), plain("Steps".into()))], &[]),
            Case("misspelt", |r| alert_of(r).dynamic_properties = vec![(mark("Alertlink".into()), plain("Url".into()))], &[("SEN-15", Error, "unknown alert property", "did you mean `AlertLink`?")]),
            Case("no column", |r| alert_of(r).dynamic_properties = vec![(plain("AlertLink".into()), mark(String::new()))], &[("SEN-15", Error, "without a column", "remove the property")]),
            Case("twice", |r| alert_of(r).dynamic_properties = vec![(plain("AlertLink".into()), plain("A".into())), (mark("AlertLink".into()), plain("B".into()))], &[("SEN-15", Error, "set twice", "remove")]),
        ]);
    }
}
