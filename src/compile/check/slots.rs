//! Columns that allowlist entries compare: in scope at the slot, and of a type that the operator can compare.
//!
//! Kusto would say the same about the compiled text, but in its own words. A predicate that is reported here is not
//! reported again by what Kusto thinks of it.

use crate::address::Target;
use crate::compile::check::output::{article, shortened};
use crate::compile::query::Placed;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::kql::bind::RowSchema;
use crate::kql::types::ScalarType;
use crate::model::allowlist::{Predicate, Test, Value};
use crate::source::Span;

/// What is wrong with a predicate at its slot, if anything is certain to be.
pub(crate) fn check(placed: &Placed<'_>, row: &RowSchema, query: Span) -> Option<Diagnostic> {
    let predicate = placed.predicate;
    let name = predicate.column.value.as_str();
    let Some(ty) = row.column(name) else {
        return (!row.open).then(|| unknown(predicate, row, query));
    };
    let (what, help) = mismatch(predicate, ty)?;
    Some(
        Diagnostic::error("ALW-05", "allowlist column has another type")
            .labelled(predicate.column.span, format!("`{name}` is {} here, and {what}", article(ty)))
            .with_related(query, "in this query")
            .with_help(help),
    )
}

/// A watchlist of a rule that runs where there are none.
pub(crate) fn watchlist(placed: &Placed<'_>, target: &Target) -> Option<Diagnostic> {
    let Test::Watchlist { alias, .. } = &placed.predicate.test else { return None };
    (*target == Target::Defender).then(|| {
        Diagnostic::error("ALW-09", "a watchlist in a Defender rule")
            .labelled(alias.span, "watchlists live in Sentinel workspaces")
            .with_help("write the values into the list; or deploy the rule to Sentinel only")
    })
}

fn unknown(predicate: &Predicate, row: &RowSchema, query: Span) -> Diagnostic {
    let name = predicate.column.value.as_str();
    let names = || row.columns.iter().map(|column| column.name.as_str());
    let help = match did_you_mean(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("columns at the slot: {}", shortened(names())),
    };
    Diagnostic::error("ALW-05", "no such column at the allowlist slot")
        .labelled(predicate.column.span, format!("`{name}` does not exist where the slot is"))
        .with_related(query, "in this query")
        .with_help(help)
}

/// Why the test cannot be asked of a column of this type, and what to do. Only what is certain: dynamic values may hold
/// anything, and ids compare with text.
fn mismatch(predicate: &Predicate, ty: ScalarType) -> Option<(String, String)> {
    use ScalarType::{Bool, DateTime, Decimal, Int, Long, Real, String as Text, TimeSpan};
    let number = matches!(ty, Int | Long | Real | Decimal);
    let no_text = number || matches!(ty, Bool | DateTime | TimeSpan);
    let values: Vec<&Value> = match &predicate.test {
        Test::Equals(value) => vec![&value.value],
        Test::In(values) => values.iter().map(|value| &value.value).collect(),
        Test::Range { min, max } => [min, max].into_iter().flatten().map(|value| &value.value).collect(),
        Test::StartsWith(_)
        | Test::EndsWith(_)
        | Test::Contains(_)
        | Test::Has(_)
        | Test::Regex(_)
        | Test::Watchlist { .. }
        | Test::Cidr(_) => {
            let operator = predicate.test.operator();
            let instead =
                if number { "`equals`, `in` or the bounds `min` and `max`" } else { "`equals` or `in`" };
            return no_text.then(|| (format!("`{operator}` compares text"), format!("use {instead}")));
        }
    };
    values.into_iter().find_map(|value| {
        let (is, help) = match value {
            Value::String(_) if number => ("a text", "write the number without quotes"),
            Value::String(_) if no_text => ("a text", "write a value of the column's type"),
            Value::Long(_) | Value::Real(_) if ty == Text => ("a number", "quote the number"),
            Value::Bool(_) if ty == Text => ("a truth value", "quote the value"),
            Value::DateTime(_) if ty == Text || number => {
                ("a point in time", "write a value of the column's type")
            }
            Value::Long(_) | Value::Real(_) if matches!(ty, DateTime | TimeSpan) => {
                ("a number", "write a value of the column's type")
            }
            _ => return None,
        };
        Some((format!("the value is {is}"), help.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::check::testing::{mark, plain};
    use crate::kql::bind::OutputColumn;

    fn row(open: bool) -> RowSchema {
        let column = |name: &str, ty| OutputColumn { name: name.into(), ty };
        let columns = vec![
            column("FolderPath", ScalarType::String),
            column("EventID", ScalarType::Int),
            column("Timestamp", ScalarType::DateTime),
            column("Extra", ScalarType::Dynamic),
            column("IsAdmin", ScalarType::Bool),
        ];
        RowSchema { columns, open }
    }

    fn found(column: &str, test: Test, open: bool) -> Option<String> {
        let predicate =
            Predicate { column: mark(column.to_owned()), test, case_sensitive: false, span: mark(()).span };
        let placed = Placed { predicate: &predicate, slot_at: 0 };
        let finding = check(&placed, &row(open), plain(()).span)?;
        assert_eq!((finding.code, finding.span), ("ALW-05", Some(mark(()).span)));
        Some(format!("{}; {}", finding.label.unwrap(), finding.help.unwrap()))
    }

    #[test]
    fn columns_and_types() {
        let text = |value: &str| Test::Equals(plain(Value::String(value.into())));
        let long = |value| Test::In(vec![plain(Value::Long(value))]);
        let starts = || Test::StartsWith(vec![plain("x".into())]);
        for (column, test, expected) in [
            ("FolderPath", text("x"), None),
            ("Folderpath", text("x"), Some("did you mean `FolderPath`?")),
            ("Nothing", text("x"), Some("columns at the slot: FolderPath, EventID")),
            ("EventID", long(1), None),
            ("EventID", text("1"), Some("the value is a text; write the number without quotes")),
            (
                "EventID",
                starts(),
                Some("is an int here, and `starts_with` compares text; use `equals`, `in` or the bounds"),
            ),
            ("FolderPath", long(1), Some("the value is a number; quote the number")),
            ("FolderPath", Test::Cidr(vec![plain("10.0.0.0/8".into())]), None),
            ("EventID", Test::Cidr(vec![plain("10.0.0.0/8".into())]), Some("`cidr` compares text")),
            ("Extra", starts(), None),
            ("Extra", long(1), None),
            (
                "Timestamp",
                Test::Range { min: Some(plain(Value::DateTime("2026-01-01".into()))), max: None },
                None,
            ),
            ("Timestamp", starts(), Some("is a datetime here")),
            ("FolderPath", Test::Equals(plain(Value::Bool(true))), Some("truth value; quote")),
            ("IsAdmin", Test::Equals(plain(Value::Bool(true))), None),
            ("IsAdmin", text("true"), Some("a text")),
        ] {
            let got = found(column, test, false);
            match expected {
                None => assert_eq!(got, None, "{column}"),
                Some(part) => {
                    assert!(got.as_ref().is_some_and(|got| got.contains(part)), "{column}: {got:?}");
                }
            }
        }
        assert_eq!(found("Nothing", text("x"), true), None, "an open schema may have it");
    }
}
