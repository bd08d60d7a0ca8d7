//! Parameters: top-level `let NAME = <literal>;` of a query, and the literals that an environment puts there instead.

use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::kql::syntax::{Expr, ExprKind, LetValue, Query, StatementKind};
use crate::kql::{LiteralKind, TokenKind};
use crate::model::environment::RuleParameters;
use crate::yaml::{Node, NodeKind};

use super::literal;

/// A parameter of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) kind: ParameterKind,
    /// Byte range of the literal.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Type of a parameter, after its present literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    Timespan,
    Long,
    Real,
    String,
    Bool,
    Datetime,
    Dynamic,
}

impl ParameterKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Timespan => "timespan",
            Self::Long => "long",
            Self::Real => "real",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Datetime => "datetime",
            Self::Dynamic => "dynamic",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Timespan => "a KQL timespan such as `4d` or `90m`",
            Self::Long => "a whole number",
            Self::Real => "a number",
            Self::String => "a string",
            Self::Bool => "true or false",
            Self::Datetime => "a date or UTC time such as `2026-11-23` or `2026-11-23T08:00:00Z`",
            Self::Dynamic => "a list",
        }
    }
}

/// A literal to be put into the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub(crate) parameter: Parameter,
    pub(crate) literal: String,
    /// Where the environment says so: the parameter's name there.
    pub(crate) origin: crate::source::Span,
    /// The value behind that name.
    pub(crate) value: crate::source::Span,
}

/// Every top-level `let` of a query whose value is one literal.
pub(crate) fn find(query: &Query) -> Vec<Parameter> {
    let lets = query.statements.iter().filter_map(|statement| match &statement.kind {
        StatementKind::Let(declared) => Some(declared),
        _ => None,
    });
    lets.filter_map(|declared| {
        let LetValue::Expr(value) = &declared.value else { return None };
        Some(Parameter {
            name: declared.name.text.to_string(),
            kind: kind_of(value)?,
            start: value.span.start as usize,
            end: value.span.end as usize,
        })
    })
    .collect()
}

/// The type of a literal; `None` for any other expression.
fn kind_of(value: &Expr) -> Option<ParameterKind> {
    match &value.kind {
        ExprKind::Literal(kind) => literal_kind(*kind),
        // Several literals side by side are one string, but not one literal.
        ExprKind::String(string) if string.parts == 1 => Some(ParameterKind::String),
        ExprKind::Dynamic(_) => Some(ParameterKind::Dynamic),
        ExprKind::Unary(unary) if unary.negative => match &unary.operand.kind {
            ExprKind::Literal(kind) => literal_kind(*kind).filter(|kind| {
                matches!(kind, ParameterKind::Long | ParameterKind::Real | ParameterKind::Timespan)
            }),
            _ => None,
        },
        _ => None,
    }
}

fn literal_kind(kind: LiteralKind) -> Option<ParameterKind> {
    Some(match kind {
        LiteralKind::String => ParameterKind::String,
        LiteralKind::Long | LiteralKind::Int => ParameterKind::Long,
        LiteralKind::Real | LiteralKind::Decimal => ParameterKind::Real,
        LiteralKind::Bool => ParameterKind::Bool,
        LiteralKind::Datetime => ParameterKind::Datetime,
        LiteralKind::Timespan => ParameterKind::Timespan,
        LiteralKind::Guid | LiteralKind::RawGuid => return None,
    })
}

/// Matches an environment's values with a query's parameters. Unknown names and wrong types are errors.
pub(crate) fn resolve(
    parameters: &[Parameter],
    given: &RuleParameters,
    diagnostics: &mut Diagnostics,
) -> Vec<Replacement> {
    let mut replacements = Vec::new();
    for (name, node) in &given.values {
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name.value) else {
            diagnostics.push(unknown(parameters, given, name));
            continue;
        };
        match literal_of(parameter.kind, node) {
            Ok(literal) => {
                replacements.push(Replacement {
                    parameter: parameter.clone(),
                    literal,
                    origin: name.span,
                    value: node.span,
                });
            }
            Err(reason) => diagnostics.push(
                Diagnostic::error("CMP-04", "parameter of the wrong type")
                    .labelled(node.span, format!("expected {}, found {reason}", parameter.kind.example()))
                    .with_detail(format!(
                        "`{}` is a {} in the query of `{}`; an environment may only give another {}",
                        name.value,
                        parameter.kind.name(),
                        given.rule.value,
                        parameter.kind.name()
                    )),
            ),
        }
    }
    replacements
}

fn unknown(
    parameters: &[Parameter],
    given: &RuleParameters,
    name: &crate::source::Spanned<String>,
) -> Diagnostic {
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let help = match did_you_mean(&name.value, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => {
            "a parameter is a top-level `let NAME = <literal>;` of the query; this rule has none".to_owned()
        }
        None => format!("its parameters are: {}", names.join(", ")),
    };
    Diagnostic::error("CMP-03", "unknown parameter")
        .labelled(name.span, format!("`{}` has no parameter `{}`", given.rule.value, name.value))
        .with_help(help)
}

/// The node as a KQL literal of the wanted type, or what it is instead.
fn literal_of(kind: ParameterKind, node: &Node) -> Result<String, String> {
    let wrong = || Err(node.describe().to_owned());
    match (kind, &node.kind) {
        (ParameterKind::String, NodeKind::Str(text)) => Ok(literal::string(&text.value)),
        (ParameterKind::Bool, NodeKind::Bool(value)) => Ok(value.to_string()),
        (ParameterKind::Long, NodeKind::Int(value)) => Ok(value.to_string()),
        (ParameterKind::Real, NodeKind::Int(value)) => Ok(format!("real({value})")),
        (ParameterKind::Real, NodeKind::Float(value)) if value.is_finite() => Ok(format!("real({value:?})")),
        (ParameterKind::Timespan, NodeKind::Str(text)) => {
            let value = text.value.trim();
            match crate::kql::lex(value).as_slice() {
                [token]
                    if token.kind == TokenKind::Literal(LiteralKind::Timespan) && token.fault.is_none() =>
                {
                    Ok(value.to_owned())
                }
                _ => Err(format!("`{value}`")),
            }
        }
        (ParameterKind::Datetime, NodeKind::Str(text)) => match datetime(&text.value) {
            Some(literal) => Ok(literal),
            None => Err(format!("`{}`", text.value)),
        },
        (ParameterKind::Dynamic, NodeKind::Seq(_) | NodeKind::Map(_)) => match json(node) {
            Some(value) => Ok(format!("dynamic({value})")),
            None => Err("a list with something that JSON cannot hold".to_owned()),
        },
        _ => wrong(),
    }
}

/// A KQL datetime literal of an ISO date or timestamp.
fn datetime(text: &str) -> Option<String> {
    let text = text.trim();
    let date = text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10;
    if date || text.parse::<jiff::Timestamp>().is_ok() {
        return Some(format!("datetime({text})"));
    }
    None
}

fn json(node: &Node) -> Option<serde_json::Value> {
    Some(match &node.kind {
        NodeKind::Null => serde_json::Value::Null,
        NodeKind::Bool(value) => (*value).into(),
        NodeKind::Int(value) => (*value).into(),
        NodeKind::Float(value) => serde_json::Number::from_f64(*value)?.into(),
        NodeKind::Str(text) => text.value.clone().into(),
        NodeKind::Seq(items) => items.iter().map(json).collect::<Option<Vec<_>>>()?.into(),
        NodeKind::Map(entries) => serde_json::Value::Object(
            entries.iter().map(|(key, node)| Some((key.name.clone(), json(node)?))).collect::<Option<_>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_top_level_literals_only() {
        let text = "let a = 2d; // x\nlet b=-5;let c = dynamic([\"x\", \"y)\"]);\n\
                    let d = T | where x; let e = (x:long) { let f = 1; x };\nlet g = @\"C:\\x\";\nlet h = 1 + 2;\nT";
        let found: Vec<_> = find(&crate::kql::parse(text).query)
            .into_iter()
            .map(|p| (p.name, p.kind, text[p.start..p.end].to_owned()))
            .collect();
        assert_eq!(
            found,
            [
                ("a".to_owned(), ParameterKind::Timespan, "2d".to_owned()),
                ("b".to_owned(), ParameterKind::Long, "-5".to_owned()),
                ("c".to_owned(), ParameterKind::Dynamic, "dynamic([\"x\", \"y)\"])".to_owned()),
                ("g".to_owned(), ParameterKind::String, "@\"C:\\x\"".to_owned()),
            ]
        );
    }
}
