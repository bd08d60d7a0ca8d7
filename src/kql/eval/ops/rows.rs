//! Operators that keep the columns: `where`, `take`, `sort`, `top`, `count`.

use std::cmp::Ordering;

use crate::kql::eval::call::Context;
use crate::kql::eval::compare::{sort_order, sorts_as_null};
use crate::kql::eval::compile::Compiler;
use crate::kql::eval::frame::{Frame, Row};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::{At, Typed};
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::Value;
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{ChainOp, Direction, Expr, ExprKind, Name, Nulls, Ordered, Top};
use crate::kql::types::ScalarType;

impl<'a> Run<'a> {
    /// `where`: the operands of its `and`s one after the other, each counted.
    pub(super) fn filter(
        &self,
        predicate: &'a Expr,
        mut frame: Frame,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        let mut conjuncts = Vec::new();
        flatten(predicate, &mut conjuncts);
        let compiler = Compiler::over(self, scope, &frame);
        let mut conditions = Vec::with_capacity(conjuncts.len());
        for conjunct in conjuncts {
            conditions.push((conjunct.span, compiler.condition(conjunct)?, 0u64, 0u64));
        }
        let rows = std::mem::take(&mut frame.rows);
        self.context.spend(rows.len() as u64 + 1, scope.place(predicate.span))?;
        let mut kept = Vec::with_capacity(rows.len());
        for (index, row) in rows.into_iter().enumerate() {
            let at = At::new(&row, index, &self.context);
            let mut passes = true;
            for (_, condition, yes, no) in &mut conditions {
                if condition.holds(at)? {
                    *yes += 1;
                } else {
                    *no += 1;
                    passes = false;
                    break;
                }
            }
            if passes {
                kept.push(row);
            }
        }
        // Conditions of a stored function are not the query's.
        if scope.call.is_none() {
            let mut coverage = self.coverage.borrow_mut();
            for (span, _, yes, no) in conditions {
                let entry = coverage.entry(span).or_default();
                *entry = (entry.0 + yes, entry.1 + no);
            }
        }
        frame.rows = kept;
        Ok(frame)
    }

    pub(super) fn take(&self, count: &'a Expr, mut frame: Frame, scope: &Scope<'a>) -> Result<Frame, Fault> {
        frame.rows.truncate(self.whole(count, scope)?);
        Ok(frame)
    }

    /// A number of rows.
    pub(super) fn whole(&self, count: &'a Expr, scope: &Scope<'a>) -> Result<usize, Fault> {
        let (value, _) = Compiler::constants(self, scope).constant(count)?;
        match value.as_long() {
            Some(count) => Ok(usize::try_from(count).unwrap_or(0)),
            None => Err(scope.failed("a whole number is expected", count.span)),
        }
    }

    pub(super) fn sort(
        &self,
        by: &'a [Ordered],
        mut frame: Frame,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        let compiler = Compiler::over(self, scope, &frame);
        let mut keys = Vec::with_capacity(by.len());
        for item in by {
            keys.push((compiler.compile(super::super::project::value_of(&item.expr))?, Order::of(item)));
        }
        let rows = std::mem::take(&mut frame.rows);
        frame.rows = sorted(rows, &keys, &self.context)?;
        Ok(frame)
    }

    pub(super) fn top(&self, top: &'a Top, frame: Frame, scope: &Scope<'a>) -> Result<Frame, Fault> {
        let mut frame = self.sort(std::slice::from_ref(&top.by), frame, scope)?;
        frame.rows.truncate(self.whole(&top.count, scope)?);
        Ok(frame)
    }

    pub(super) fn count(&self, name: Option<&'a Name>, frame: &Frame) -> Frame {
        let name = name.map_or("Count", |name| &name.text);
        let count = i64::try_from(frame.rows.len()).unwrap_or(i64::MAX);
        Frame::new(vec![Column::new(name, ScalarType::Long)], vec![vec![Value::Long(count)]])
    }

    pub(super) fn range(
        &self,
        range: &'a crate::kql::syntax::Range,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let compiler = Compiler::constants(self, scope);
        let (from, from_ty) = compiler.constant(&range.from)?;
        let (to, to_ty) = compiler.constant(&range.to)?;
        let (step, step_ty) = compiler.constant(&range.step)?;
        let bounds = super::super::compile::common([from_ty, to_ty].into_iter());
        let ty = match (bounds, step_ty) {
            (ScalarType::Int, ScalarType::Int) => ScalarType::Int,
            _ => super::super::arithmetic::result(ChainOp::Add, bounds, step_ty).unwrap_or(bounds),
        };
        let values = self.steps(&from, &to, &step, ty, scope, span)?;
        let rows = values.into_iter().map(|value| vec![value]).collect();
        Ok(Frame::new(vec![Column::new(&*range.name.text, ty)], rows))
    }

    /// The values from one to the other.
    pub(super) fn steps(
        &self,
        from: &Value,
        to: &Value,
        step: &Value,
        ty: ScalarType,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Vec<Value>, Fault> {
        use super::super::{arithmetic, compare, convert};
        let zero = arithmetic::apply(ChainOp::Subtract, step, step);
        let direction = match compare::order(step, &zero) {
            Some(Ordering::Equal) => return Err(scope.failed("the step must not be zero", span)),
            Some(direction) => direction,
            None => return Ok(Vec::new()),
        };
        let mut values = Vec::new();
        let mut value = convert::convert(from, ty);
        loop {
            match compare::order(&value, to) {
                Some(order) if order != direction => {}
                _ => break,
            }
            self.context.spend(1, scope.place(span))?;
            self.context.check_rows(values.len() + 1, scope.place(span))?;
            self.context.hold(1, 1)?;
            let next = convert::convert(&arithmetic::apply(ChainOp::Add, &value, step), ty);
            let done = compare::order(&next, &value) != Some(direction);
            values.push(value);
            if done {
                break;
            }
            value = next;
        }
        Ok(values)
    }
}

/// The operands of `and`, however they are nested.
fn flatten<'a>(expr: &'a Expr, into: &mut Vec<&'a Expr>) {
    match &expr.kind {
        ExprKind::Paren(inner) if is_and(inner) => flatten(inner, into),
        ExprKind::Chain(chain) if is_and(expr) => {
            flatten(&chain.first, into);
            chain.rest.iter().for_each(|link| flatten(&link.operand, into));
        }
        _ => into.push(expr),
    }
}

fn is_and(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Paren(inner) => is_and(inner),
        ExprKind::Chain(chain) => chain.rest.iter().all(|link| link.op == ChainOp::And),
        _ => false,
    }
}

/// One key of a sort.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

impl Order {
    /// Descending unless said otherwise; nulls are the smallest unless said otherwise.
    pub(super) fn of(item: &Ordered) -> Order {
        let descending = !matches!(item.direction, Some(Direction::Asc | Direction::GrannyAsc));
        let nulls_first = match item.nulls {
            Some(Nulls::First) => true,
            Some(Nulls::Last) => false,
            None => !descending,
        };
        Order { descending, nulls_first }
    }

    fn compare(self, a: &Value, b: &Value) -> Ordering {
        match (sorts_as_null(a), sorts_as_null(b)) {
            (true, true) => Ordering::Equal,
            (true, false) => {
                if self.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (false, true) => {
                if self.nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, false) => {
                let order = sort_order(a, b);
                if self.descending { order.reverse() } else { order }
            }
        }
    }
}

/// Rows in order; equal ones stay as they were.
pub(super) fn sorted(rows: Vec<Row>, keys: &[(Typed, Order)], context: &Context) -> Result<Vec<Row>, Fault> {
    let mut keyed: Vec<(Vec<Value>, Row)> = Vec::with_capacity(rows.len());
    context.hold(rows.len(), keys.len())?;
    for (index, row) in rows.into_iter().enumerate() {
        let at = At::new(&row, index, context);
        let mut values = Vec::with_capacity(keys.len());
        for (key, _) in keys {
            values.push(key.value(at)?);
        }
        // Each is compared with some others.
        let times = usize::BITS.saturating_sub(keyed.len().leading_zeros()) as usize;
        context.look(values.iter().map(Value::size).fold(0, usize::saturating_add).saturating_mul(times))?;
        keyed.push((values, row));
    }
    keyed.sort_by(|(a, _), (b, _)| {
        let pairs = a.iter().zip(b).zip(keys);
        let mut orders = pairs.map(|((a, b), (_, order))| order.compare(a, b));
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}
