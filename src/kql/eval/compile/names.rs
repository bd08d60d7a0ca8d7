//! What a name means where a single value is wanted, and members of dynamic values.

use std::rc::Rc;
use std::sync::Arc;

use super::Compiler;
use crate::kql::eval::frame::type_by_suffix;
use crate::kql::eval::functions::find_tuple;
use crate::kql::eval::ops::state_column;
use crate::kql::eval::project::parts;
use crate::kql::eval::scalar::{Node, Typed};
use crate::kql::eval::scope::Meaning;
use crate::kql::eval::value::Value;
use crate::kql::eval::{Fault, run::Entity};
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind, Path};
use crate::kql::token::LiteralKind;
use crate::kql::types::ScalarType;

impl<'r, 'a> Compiler<'r, 'a> {
    /// A column, else what the query declared, else what the schema has.
    pub(super) fn name(&self, name: &'a str, span: Span) -> Result<Typed, Fault> {
        if let Some(column) = self.find_column(name) {
            return Ok(column);
        }
        if let Some(meaning) = self.scope.find(name).cloned() {
            return self.meaning(meaning, name, span);
        }
        match self.run.stored(name) {
            Some(user) if self.run.schema_function_is_scalar(&user) => {
                return self.meaning(Meaning::Function(user), name, span);
            }
            _ => {}
        }
        if self.columns && self.rows.is_some_and(|rows| rows.frame.open) {
            let ty = type_by_suffix(name);
            return Ok(Typed::constant(Value::missing(ty), ty));
        }
        Err(self.scope.failed(format!("no column, variable or function is named '{name}'"), span))
    }

    /// The column of that name, of the input or of the right side of a join.
    pub(crate) fn find_column(&self, name: &str) -> Option<Typed> {
        if !self.columns {
            return None;
        }
        if let Some(rows) = self.rows
            && let Some(index) = rows.frame.position(name)
        {
            return Some(Typed::column(index, rows.frame.ty(index)));
        }
        let right = self.right?;
        let index = right.position(name)?;
        Some(right_column(index, right.ty(index)))
    }

    fn meaning(&self, meaning: Meaning<'a>, name: &str, span: Span) -> Result<Typed, Fault> {
        match meaning {
            Meaning::Scalar(bound) => match bound.row {
                Some(row) if self.rows.map(|rows| rows.id) != Some(row) => {
                    Err(self.scope.not_evaluated("a function that runs a query for each row", span))
                }
                _ => Ok(match bound.value.as_constant() {
                    Some(value) => Typed::constant(value.clone(), bound.value.ty),
                    None => Typed {
                        ty: bound.value.ty,
                        height: bound.value.height,
                        node: Node::Shared(Rc::clone(&bound.value)),
                    },
                }),
            },
            Meaning::Lazy(lazy) => {
                let forced = self.run.force(&lazy, self)?;
                self.meaning(forced, name, span)
            }
            Meaning::Function(user) => match self.run.call(&user, &[], None, self, span)? {
                Entity::Scalar(typed) => Ok(typed),
                Entity::Table(_) | Entity::Database => Err(self
                    .scope
                    .failed(format!("'{name}' is a table; a single value is expected here"), span)),
            },
            Meaning::Table(_) | Meaning::Database => {
                Err(self.scope.failed(format!("'{name}' is a table; a single value is expected here"), span))
            }
        }
    }

    /// `a.b`, `$left.a`
    pub(super) fn path(&self, path: &'a Path, expr: &'a Expr) -> Result<Typed, Fault> {
        if let (ExprKind::Name(base), Some(rows)) = (&path.base.kind, self.rows)
            && let Some(member) = selected(&path.selector)
        {
            let side = match (&*base.text, self.right) {
                ("$left", Some(_)) => Some((rows.frame, false)),
                ("$right", Some(right)) => Some((right, true)),
                _ => None,
            };
            if let Some((frame, is_right)) = side {
                let Some(index) = frame.position(member) else {
                    let message = format!("{} has no column '{member}'", base.text);
                    return Err(self.scope.failed(message, path.selector.span));
                };
                let ty = frame.ty(index);
                return Ok(if is_right { right_column(index, ty) } else { Typed::column(index, ty) });
            }
        }
        // `step.column` in a `scan`.
        if let (ExprKind::Name(base), Some(member)) = (&path.base.kind, selected(&path.selector))
            && let Some(column) = self.find_column(&state_column(&base.text, member))
        {
            return Ok(column);
        }
        match &path.selector.kind {
            ExprKind::Name(member) => self.member(&path.base, &member.text, expr.span),
            ExprKind::Bracketed(index) => self.index(&path.base, index, expr.span),
            ExprKind::Literal(LiteralKind::Long) => self.index(&path.base, &path.selector, expr.span),
            _ => Err(self.scope.not_evaluated("this path", expr.span)),
        }
    }

    fn member(&self, base: &'a Expr, key: &str, span: Span) -> Result<Typed, Fault> {
        let base = Rc::new(self.compile(base)?);
        self.check_dynamic(&base, span)?;
        let node = Node::Member(Rc::clone(&base), Arc::from(key));
        self.node(ScalarType::Dynamic, &[&base], node, span)
    }

    /// `a[0]`, `a['b']`, `a[x]`
    pub(super) fn index(&self, base: &'a Expr, index: &'a Expr, span: Span) -> Result<Typed, Fault> {
        if let ExprKind::String(key) = &index.kind {
            return self.member(base, &key.value, span);
        }
        if let Some(taken) = self.of_several(base, index)? {
            return Ok(taken);
        }
        let base = self.compile(base)?;
        self.check_dynamic(&base, span)?;
        let index = self.compile(index)?;
        self.pair(ScalarType::Dynamic, base, index, Node::Element, span)
    }

    /// `array_sort_asc(x, y)[1]`: one of the columns of a call that gives several.
    fn of_several(&self, base: &'a Expr, index: &'a Expr) -> Result<Option<Typed>, Fault> {
        let ExprKind::Call(call) = &base.kind else { return Ok(None) };
        if find_tuple(&call.name.text).is_none() {
            return Ok(None);
        }
        let parts = parts(self, base)?;
        if parts.len() < 2 {
            return Ok(None);
        }
        let place = self.compile(index)?.as_constant().and_then(Value::as_long);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let chosen = place.and_then(|place| parts.into_iter().nth(place));
        match chosen {
            Some(part) => Ok(Some(part.value)),
            None => Err(self.scope.not_evaluated("an index of a call with several results", index.span)),
        }
    }

    fn check_dynamic(&self, base: &Typed, span: Span) -> Result<(), Fault> {
        if matches!(base.ty, ScalarType::Dynamic | ScalarType::Unknown) {
            return Ok(());
        }
        Err(self.scope.failed(format!("a value of type {} has no members", base.ty), span))
    }

    /// The string that an argument is, if it is constant.
    pub(super) fn constant_string(&self, expr: &'a Expr) -> Option<Arc<str>> {
        match self.compile(expr).ok()?.as_constant()? {
            Value::String(text) => Some(Arc::clone(text)),
            _ => None,
        }
    }
}

pub(super) fn right_column(index: usize, ty: ScalarType) -> Typed {
    Typed { ty, height: 0, node: Node::Right(index) }
}

/// The name after a dot, also one in brackets.
fn selected(selector: &Expr) -> Option<&str> {
    match &selector.kind {
        ExprKind::Name(name) => Some(&name.text),
        ExprKind::Bracketed(inner) => match &inner.kind {
            ExprKind::String(name) => Some(&name.value),
            _ => None,
        },
        _ => None,
    }
}
