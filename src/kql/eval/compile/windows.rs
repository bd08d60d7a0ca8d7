//! Functions that look at other rows of a serialized table: `prev`, `next`, `row_number` and the rest.
//!
//! They are computed for all rows while the expression is compiled, so that they do not depend on which rows a lazy
//! `iff` or `and` happens to reach. Documentation: "Window functions".

use std::rc::Rc;

use super::Compiler;
use crate::kql::eval::compare::{grouped, order};
use crate::kql::eval::scalar::{At, Node, Typed};
use crate::kql::eval::value::Value;
use crate::kql::eval::{Fault, arithmetic};
use crate::kql::span::Span;
use crate::kql::syntax::{Call, ChainOp, Expr};
use crate::kql::types::ScalarType;

impl<'a> Compiler<'_, 'a> {
    /// A window function; `None` if it is none.
    pub(super) fn window(&self, call: &'a Call, span: Span) -> Result<Option<Typed>, Fault> {
        let args = call.arguments.as_slice();
        let (ty, values) = match &*call.name.text {
            "row_number" => (ScalarType::Long, self.row_number(args)?),
            "prev" => self.neighbour(args, -1, span)?,
            "next" => self.neighbour(args, 1, span)?,
            "row_cumsum" => self.row_cumsum(args, span)?,
            "row_rank_dense" => (ScalarType::Long, self.row_rank(args, true, span)?),
            "row_rank_min" => (ScalarType::Long, self.row_rank(args, false, span)?),
            "row_window_session" => (ScalarType::DateTime, self.row_window_session(args, span)?),
            _ => return Ok(None),
        };
        Ok(Some(Typed { ty, height: 0, node: Node::ByRow(Rc::new(values)) }))
    }

    fn count(&self) -> usize {
        self.rows.map_or(0, |rows| rows.frame.rows.len())
    }

    /// The values of an expression on all rows.
    fn column(&self, expr: &'a Expr) -> Result<(ScalarType, Vec<Value>), Fault> {
        let typed = self.compile(expr)?;
        let Some(rows) = self.rows else { return Ok((typed.ty, Vec::new())) };
        self.context().spend(rows.frame.rows.len() as u64, self.scope.place(expr.span))?;
        let values = rows.frame.rows.iter().enumerate();
        let values = values.map(|(index, row)| typed.value(At::new(row, index, self.context())));
        Ok((typed.ty, values.collect::<Result<_, _>>()?))
    }

    /// `restart` of the cumulative functions: on which rows they begin again.
    fn restarts(&self, expr: Option<&'a Expr>) -> Result<Vec<bool>, Fault> {
        match expr {
            Some(expr) => Ok(self.column(expr)?.1.iter().map(|v| v.as_bool() == Some(true)).collect()),
            None => Ok(vec![false; self.count()]),
        }
    }

    fn row_number(&self, args: &'a [Expr]) -> Result<Vec<Value>, Fault> {
        let start = match args.first() {
            Some(start) => self.constant(start)?.0.as_long().unwrap_or(1),
            None => 1,
        };
        let restarts = self.restarts(args.get(1))?;
        let mut next = start;
        Ok(restarts
            .into_iter()
            .map(|restart| {
                let number = if restart { start } else { next };
                next = number.saturating_add(1);
                Value::Long(number)
            })
            .collect())
    }

    fn neighbour(&self, args: &'a [Expr], step: i64, span: Span) -> Result<(ScalarType, Vec<Value>), Fault> {
        let Some(expr) = args.first() else { return Err(self.scope.failed("an argument is missing", span)) };
        let (ty, values) = self.column(expr)?;
        let offset = match args.get(1) {
            Some(offset) => self.constant(offset)?.0.as_long().unwrap_or(1),
            None => 1,
        };
        let default = match args.get(2) {
            Some(default) => self.constant(default)?.0,
            None => Value::missing(ty),
        };
        let distance = offset.saturating_mul(step);
        let shifted = (0..values.len()).map(|index| {
            let place = i64::try_from(index).ok().and_then(|i| i.checked_add(distance));
            let place = place.and_then(|place| usize::try_from(place).ok());
            place.and_then(|place| values.get(place)).unwrap_or(&default).clone()
        });
        Ok((ty, shifted.collect()))
    }

    fn row_cumsum(&self, args: &'a [Expr], span: Span) -> Result<(ScalarType, Vec<Value>), Fault> {
        let Some(expr) = args.first() else { return Err(self.scope.failed("an argument is missing", span)) };
        let (ty, values) = self.column(expr)?;
        let restarts = self.restarts(args.get(1))?;
        let mut sum = Value::Null;
        let sums = values.into_iter().zip(restarts).map(|(value, restart)| {
            if restart || sum.is_null() {
                sum = value;
            } else if !value.is_null() {
                sum = arithmetic::apply(ChainOp::Add, &sum, &value);
            }
            sum.clone()
        });
        let ty = if ty == ScalarType::Int { ScalarType::Long } else { ty };
        Ok((ty, sums.collect()))
    }

    fn row_rank(&self, args: &'a [Expr], dense: bool, span: Span) -> Result<Vec<Value>, Fault> {
        let Some(expr) = args.first() else { return Err(self.scope.failed("an argument is missing", span)) };
        let (_, values) = self.column(expr)?;
        let restarts = self.restarts(args.get(1))?;
        let (mut rank, mut seen) = (0i64, 0i64);
        let mut last: Option<Value> = None;
        let mut ranks = Vec::with_capacity(values.len());
        for (value, restart) in values.into_iter().zip(restarts) {
            if restart {
                (rank, seen, last) = (0, 0, None);
            }
            seen += 1;
            if !last.as_ref().is_some_and(|last| grouped(last, &value)) {
                rank = if dense { rank + 1 } else { seen };
            }
            last = Some(value);
            ranks.push(Value::Long(rank));
        }
        Ok(ranks)
    }

    /// `row_window_session(Expr, MaxDistanceFromFirst, MaxDistanceBetweenNeighbors, [Restart])`
    fn row_window_session(&self, args: &'a [Expr], span: Span) -> Result<Vec<Value>, Fault> {
        let [expr, from_first, between, rest @ ..] = args else {
            return Err(self.scope.failed("three arguments are needed", span));
        };
        let (_, values) = self.column(expr)?;
        let (from_first, between) = (self.constant(from_first)?.0, self.constant(between)?.0);
        let restarts = self.restarts(rest.first())?;
        let far = |from: &Value, to: &Value, limit: &Value| {
            let distance = arithmetic::apply(ChainOp::Subtract, to, from);
            order(&distance, limit).is_none_or(std::cmp::Ordering::is_gt)
        };
        let mut first: Option<Value> = None;
        let mut last = Value::Null;
        let mut starts = Vec::with_capacity(values.len());
        for (value, restart) in values.into_iter().zip(restarts) {
            let start = match &first {
                Some(first)
                    if !restart && !far(first, &value, &from_first) && !far(&last, &value, &between) =>
                {
                    first.clone()
                }
                _ => value.clone(),
            };
            last = value;
            first = Some(start.clone());
            starts.push(start);
        }
        Ok(starts)
    }
}
