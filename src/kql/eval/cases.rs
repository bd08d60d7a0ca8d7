//! The examples of the documentation, run against the library: one line an example, one file for the scalar functions
//! and one for the aggregates.
//!
//! `expression ==> text` in `cases/functions.txt`: the value of the expression as `tostring()` writes it, `null` for null.
//! `name(columns): type ==> text` in `cases/aggregates.txt`: an array is the column of a group, one value for each row;
//! anything else is the same in all rows. A line with `#` names the page whose examples follow; *ours* marks rows whose
//! values follow from a page's words instead of its examples. Types of calls are those that the binder gives.

use crate::kql::bind::bind;
use crate::kql::parser::parse;
use crate::kql::schema::{Platform, Schema};
use crate::kql::syntax::{Expr, ExprKind, OperatorKind, StatementKind};
use crate::kql::token::LiteralKind;
use crate::kql::types::ScalarType;

use super::aggregate::{self, Group};
use super::call::{Call, Context};
use super::convert::{convert, to_text};
use super::{Budget, Dynamic, Fault, Value, functions, time};

struct Bench {
    schema: Schema,
    context: Context,
}

impl Bench {
    fn new() -> Bench {
        let now = time::parse_datetime("2026-01-31 12:30").unwrap();
        Bench {
            schema: Schema::built_in(Platform::Sentinel),
            context: Context::new(now, Budget::default(), std::rc::Rc::default()),
        }
    }

    /// The type that the binder gives an expression.
    fn ty(&self, written: &str) -> ScalarType {
        let query = format!("print x = {written}");
        let bound = bind(&parse(&query), &query, &self.schema);
        bound.columns.first().map_or(ScalarType::Unknown, |column| column.ty)
    }

    fn eval(&self, expr: &Expr, text: &str) -> Result<Value, Fault> {
        let written = expr.span.of(text);
        Ok(match &expr.kind {
            ExprKind::String(literal) => Value::string(&literal.value),
            ExprKind::Literal(kind) => literal(*kind, written),
            ExprKind::Null => Value::Null,
            ExprKind::Paren(inner) => self.eval(inner, text)?,
            ExprKind::Dynamic(inner) => Value::dynamic(self.eval(inner, text)?.into_dynamic()),
            ExprKind::Unary(unary) => match self.eval(&unary.operand, text)? {
                Value::Long(number) => Value::Long(-number),
                Value::Real(number) => Value::Real(-number),
                Value::TimeSpan(ticks) => Value::TimeSpan(-ticks),
                other => panic!("- {other:?}"),
            },
            ExprKind::Array(items) => {
                let items: Result<Vec<Value>, Fault> =
                    items.iter().map(|item| self.eval(item, text)).collect();
                Value::dynamic(Dynamic::Array(items?.into_iter().map(Value::into_dynamic).collect()))
            }
            ExprKind::Object(members) => {
                let member = |value| self.eval(value, text).map(Value::into_dynamic);
                let members: Result<Vec<_>, Fault> = members
                    .iter()
                    .map(|property| Ok((property.name.as_ref().into(), member(&property.value)?)))
                    .collect();
                Value::dynamic(Dynamic::Bag(members?))
            }
            ExprKind::Index(index) => {
                let base = self.eval(&index.base, text)?.into_dynamic();
                let found = match self.eval(&index.index, text)? {
                    Value::String(name) => base.member(&name).cloned(),
                    other => base.element(other.as_long().unwrap()).cloned(),
                };
                found.map_or(Value::Null, Value::dynamic)
            }
            ExprKind::Binary(binary) => {
                let (left, right) = (self.eval(&binary.left, text)?, self.eval(&binary.right, text)?);
                super::text::test(binary.op, &to_text(&left), &to_text(&right)).into()
            }
            ExprKind::TypeOf(_) => Value::Null,
            ExprKind::Call(call) => {
                let args: Result<Vec<Value>, Fault> =
                    call.arguments.iter().map(|arg| self.eval(arg, text)).collect();
                let types: Vec<ScalarType> =
                    call.arguments.iter().map(|arg| self.ty(arg.span.of(text))).collect();
                let name = &*call.name.text;
                let function = functions::find(name).unwrap_or_else(|| panic!("no function {name}"));
                let returns = self.ty(written);
                let call = Call { name, types: &types, returns, span: expr.span, context: &self.context };
                match (function.call)(&call, &args?)? {
                    Value::Null if returns == ScalarType::String => Value::string(""),
                    value => value,
                }
            }
            other => panic!("{other:?}"),
        })
    }
}

fn literal(kind: LiteralKind, written: &str) -> Value {
    let inside = || match written.split_once('(') {
        Some((_, rest)) => rest.strip_suffix(')').unwrap().trim_matches(['\'', '"']),
        None => written,
    };
    let ty = match kind {
        LiteralKind::Long => ScalarType::Long,
        LiteralKind::Int => ScalarType::Int,
        LiteralKind::Real => ScalarType::Real,
        LiteralKind::Bool => ScalarType::Bool,
        LiteralKind::Datetime => ScalarType::DateTime,
        LiteralKind::Timespan => ScalarType::TimeSpan,
        LiteralKind::Guid => ScalarType::Guid,
        other => panic!("{other:?}"),
    };
    convert(&Value::string(inside()), ty)
}

/// The expression of a `print`.
fn printed(written: &str) -> (String, Expr) {
    let text = format!("print {written}");
    let parsed = parse(&text);
    assert!(parsed.errors.is_empty(), "{text}: {:?}", parsed.errors);
    let statement = parsed.query.statements.into_iter().next().unwrap();
    let StatementKind::Expr(Expr { kind: ExprKind::Pipeline(pipeline), .. }) = statement.kind else {
        panic!("{text}")
    };
    let OperatorKind::Print(exprs) = pipeline.operators.into_iter().next().unwrap().kind else {
        panic!("{text}")
    };
    (text, exprs.into_iter().next().unwrap())
}

fn shown(value: Result<Value, Fault>) -> String {
    match value {
        Ok(Value::Null) => "null".to_owned(),
        // `tostring()` of a truth value is a case of its own.
        Ok(Value::Bool(truth)) => truth.to_string(),
        Ok(value) => to_text(&value).to_string(),
        Err(fault) => format!("fault: {fault}"),
    }
}

/// Every line of a file of cases, and what is wrong with it.
fn check(file: &str, run: impl Fn(&str) -> String) -> usize {
    let mut failures = Vec::new();
    let mut count = 0;
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (written, expected) = line.split_once(" ==>").unwrap_or_else(|| panic!("{line}"));
        let found = run(written);
        count += 1;
        if found != expected.trim_start() {
            failures.push(format!("{line}\n    gave {found}"));
        }
    }
    assert!(failures.is_empty(), "{} of {count} differ:\n{}", failures.len(), failures.join("\n"));
    count
}

#[test]
fn functions_give_what_the_documentation_says() {
    let bench = Bench::new();
    let count = check(include_str!("cases/functions.txt"), |written| {
        let (text, expr) = printed(written);
        shown(bench.eval(&expr, &text))
    });
    assert!(count > 300, "{count}");
}

/// Values that `duckdb-kql` 1.1.2 computed for expressions of our own; what it computes otherwise than the documentation
/// says is left out and told in docs/kql-semantics.md.
#[test]
fn functions_agree_with_an_independent_engine() {
    let bench = Bench::new();
    let count = check(include_str!("../../../tests/data/kql-engine/values.txt"), |written| {
        let (text, expr) = printed(written);
        shown(bench.eval(&expr, &text))
    });
    assert!(count > 300, "{count}");
}

#[test]
fn aggregates_give_what_the_documentation_says() {
    let bench = Bench::new();
    check(include_str!("cases/aggregates.txt"), |written| {
        let (written, returns) = written.rsplit_once(": ").unwrap();
        let returns = ScalarType::from_name(returns).unwrap();
        let (text, expr) = printed(written);
        let ExprKind::Call(call) = &expr.kind else { panic!("{written}") };
        let columns: Vec<Value> = call.arguments.iter().map(|arg| bench.eval(arg, &text).unwrap()).collect();
        let rows = columns.iter().find_map(|column| match column.as_dynamic() {
            Some(Dynamic::Array(items)) => Some(items.len()),
            _ => None,
        });
        let rows = rows.unwrap_or(0);
        let args: Vec<Vec<Value>> = columns
            .into_iter()
            .map(|column| match column.as_dynamic() {
                Some(Dynamic::Array(items)) => {
                    items.iter().map(|item| Value::dynamic(item.clone()).unwrapped()).collect()
                }
                _ => vec![column; rows],
            })
            .collect();
        let name = &*call.name.text;
        let found = aggregate::find(name).unwrap_or_else(|| panic!("no aggregate {name}"));
        let call = Call { name, types: &[], returns, span: expr.span, context: &bench.context };
        shown((found.call)(&call, &Group { rows, args: &args }))
    });
}

#[test]
fn every_function_is_one_of_the_language_and_has_a_case() {
    let cases = include_str!("cases/functions.txt");
    let known = crate::kql::builtins::names(crate::kql::builtins::BuiltinKind::Scalar);
    let known: std::collections::HashSet<&str> = known.collect();
    let missing: Vec<&str> = functions::names()
        .filter(|name| !known.contains(name) || !cases.contains(&format!("{name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let cases = include_str!("cases/aggregates.txt");
    let known = crate::kql::builtins::names(crate::kql::builtins::BuiltinKind::Aggregate);
    let known: std::collections::HashSet<&str> = known.collect();
    let missing: Vec<&str> = aggregate::names()
        .filter(|name| !known.contains(name) || !cases.contains(&format!("{name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
