//! The names that unnamed expressions give their columns: the binder's rules (`bind::naming`), on compiled types.

use super::Compiler;
use crate::kql::builtins::{BuiltinKind, NameRule, builtins};
use crate::kql::syntax::{Call, Expr, ExprKind};
use crate::kql::token::LiteralKind;
use crate::kql::types::ScalarType;

impl<'a> Compiler<'_, 'a> {
    /// The name of an expression's column; `None` if it gives none.
    pub(crate) fn expression_name(&self, expr: &'a Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.expression_name(inner),
            ExprKind::Name(name) => (!name.text.is_empty()).then(|| name.text.to_string()),
            ExprKind::Path(path) => {
                let selector = match &path.selector.kind {
                    ExprKind::Bracketed(index) => self.index_name(index),
                    _ => self.expression_name(&path.selector),
                };
                self.member_name(&path.base, selector)
            }
            ExprKind::Index(index) => {
                let selector = self.index_name(&index.index);
                self.member_name(&index.base, selector)
            }
            ExprKind::Named(named) if !named.list => named.names.first().map(|name| name.text.to_string()),
            ExprKind::Call(call) => {
                if self.scope.find(&call.name.text).is_some() {
                    return None;
                }
                self.call_name(call, false)
            }
            _ => None,
        }
    }

    /// `a.b` is `a_b` if `a` is dynamic, else `b`.
    fn member_name(&self, base: &'a Expr, selector: Option<String>) -> Option<String> {
        if matches!(&base.kind, ExprKind::Name(name) if matches!(&*name.text, "$left" | "$right")) {
            return selector;
        }
        let dynamic = match self.compile(base) {
            Ok(typed) => matches!(typed.ty, ScalarType::Dynamic | ScalarType::Unknown),
            Err(_) => true,
        };
        if !dynamic {
            return selector;
        }
        match self.expression_name(base) {
            None => selector,
            Some(base) => Some(format!("{base}_{}", selector.unwrap_or_default())),
        }
    }

    /// The part of a name that `[0]` or `['x']` gives.
    fn index_name(&self, index: &Expr) -> Option<String> {
        match &index.kind {
            ExprKind::String(string) => Some(string.value.to_string()),
            ExprKind::Literal(LiteralKind::Long | LiteralKind::Int) => {
                Some(index.span.of(self.scope.text).to_owned())
            }
            _ => None,
        }
    }

    /// The name of a call. `at_top`: it is a whole item of a list of columns.
    pub(crate) fn call_name(&self, call: &'a Call, at_top: bool) -> Option<String> {
        let name: &str = &call.name.text;
        let scalar = builtins().find(BuiltinKind::Scalar, name);
        let aggregate = builtins().find(BuiltinKind::Aggregate, name);
        let function =
            if self.aggregates.is_some() && at_top { aggregate.or(scalar) } else { scalar.or(aggregate) }?;
        let first = call.arguments.first();
        match function.naming {
            NameRule::None => None,
            NameRule::Fixed(name) => Some(name.to_owned()),
            NameRule::FirstArgument => first.and_then(|arg| self.expression_name(arg)),
            NameRule::OnlyArgument if call.arguments.len() == 1 => {
                first.and_then(|arg| self.expression_name(arg))
            }
            NameRule::OnlyArgument => None,
            NameRule::Prefix(prefix) => {
                let name = first.and_then(|arg| self.expression_name(arg));
                Some(format!("{prefix}_{}", name.unwrap_or_default()))
            }
            NameRule::ColumnInFirstArgument => {
                let name = self.constant_string(first.filter(|_| at_top)?)?;
                self.find_column(&name).map(|_| name.to_string())
            }
        }
    }
}

/// A number as the language prints it in a name: `95.0` is `95`.
pub(crate) fn number_text(text: &str, real: bool) -> String {
    match text.parse::<f64>() {
        Ok(number) if real => format!("{number}"),
        _ => text.to_owned(),
    }
}
