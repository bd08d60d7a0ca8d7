//! The name of a column that the query does not name: `sum_Bytes`, `Properties_user`, `TimeGenerated` for
//! `bin(TimeGenerated, 1h)`.
//!
//! Facts: observed on Kusto.Language; the documentation gives examples only.

use super::Binder;
use super::call::Arg;
use super::expr::address;
use super::symbols::{Sym, Value};
use crate::kql::builtins::{BuiltinKind, Function, NameRule};
use crate::kql::schema::Name;
use crate::kql::syntax::{Call, Expr, ExprKind};
use crate::kql::token::LiteralKind;

impl<'a> Binder<'a> {
    /// The name that an expression gives its column, `None` if it gives none.
    pub(super) fn expression_name(&mut self, expr: &'a Expr) -> Option<Name> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.expression_name(inner),
            ExprKind::Name(name) => (!name.text.is_empty()).then(|| self.names.intern(&name.text)),
            ExprKind::Path(path) => {
                let selector = match &path.selector.kind {
                    ExprKind::Bracketed(index) => self.index_name(index),
                    _ => self.expression_name(&path.selector),
                };
                self.member_name(expr, &path.base, selector)
            }
            ExprKind::Index(index) => {
                let selector = self.index_name(&index.index);
                self.member_name(expr, &index.base, selector)
            }
            ExprKind::Named(named) if !named.list => {
                named.names.first().map(|name| self.names.intern(&name.text))
            }
            ExprKind::Call(call) => {
                let name: &str = &call.name.text;
                let function = self
                    .builtins
                    .find(BuiltinKind::Scalar, name)
                    .or_else(|| self.builtins.find(BuiltinKind::Aggregate, name))?;
                self.call_name(function, call, false)
            }
            _ => None,
        }
    }

    /// The name of an argument, seen through an explicit name.
    pub(super) fn argument_name(&mut self, arg: &Arg<'a>) -> Option<Name> {
        arg.expr.and_then(|expr| self.expression_name(expr))
    }

    /// `a.b` is `a_b` if `a` is dynamic, else `b`.
    fn member_name(&mut self, expr: &'a Expr, base: &'a Expr, selector: Option<Name>) -> Option<Name> {
        let dynamic = self.dynamic_paths.get(&address(expr)).copied().unwrap_or(true);
        if !dynamic {
            return selector;
        }
        match self.expression_name(base) {
            None => selector,
            Some(base) => {
                let selector = selector.map_or("", |name| self.names.text(name));
                let text = format!("{}_{selector}", self.names.text(base));
                Some(self.names.intern(&text))
            }
        }
    }

    /// The part of a name that `[0]` or `['x']` gives.
    fn index_name(&mut self, index: &'a Expr) -> Option<Name> {
        match &index.kind {
            ExprKind::String(string) => Some(self.names.intern(&string.value)),
            ExprKind::Literal(LiteralKind::Long | LiteralKind::Int) => {
                let text = index.span.of(self.text);
                Some(self.names.intern(text))
            }
            _ => None,
        }
    }

    /// The name that a call of a built-in gives its column. `with_row`: `column_ifexists` may look at the input.
    pub(super) fn call_name(&mut self, function: &Function, call: &'a Call, with_row: bool) -> Option<Name> {
        let first = call.arguments.first();
        match function.naming {
            NameRule::None => None,
            NameRule::Fixed(name) => Some(self.names.intern(name)),
            NameRule::FirstArgument => first.and_then(|arg| self.expression_name(arg)),
            NameRule::OnlyArgument if call.arguments.len() == 1 => {
                first.and_then(|arg| self.expression_name(arg))
            }
            NameRule::OnlyArgument => None,
            NameRule::Prefix(prefix) => {
                let name = first.and_then(|arg| self.expression_name(arg));
                let text = format!("{prefix}_{}", name.map_or("", |name| self.names.text(name)));
                Some(self.names.intern(&text))
            }
            NameRule::ColumnInFirstArgument => {
                let text = first.and_then(|arg| self.constant_string(arg))?;
                let name = self.names.intern(text);
                let row = self.cx.row.filter(|_| with_row)?;
                self.find_column(row, name).map(|_| name)
            }
        }
    }

    /// The string that an expression is: a literal, or a variable that stands for one.
    pub(super) fn constant_string(&mut self, expr: &'a Expr) -> Option<&'a str> {
        match &expr.kind {
            ExprKind::String(string) => Some(&string.value),
            ExprKind::Name(name) => {
                let name = self.names.intern(&name.text);
                match self.local(name) {
                    Some(Sym::Variable(id)) => self.variable(id).value.and_then(Value::string),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
