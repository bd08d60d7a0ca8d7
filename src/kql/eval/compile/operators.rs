//! Operators: which node each becomes, and which types go together.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::Compiler;
use crate::kql::eval::compare::Key;
use crate::kql::eval::scalar::{Membership, Node, Typed, in_key};
use crate::kql::eval::value::{Dynamic, Value};
use crate::kql::eval::{Fault, arithmetic};
use crate::kql::span::Span;
use crate::kql::syntax::{Between, Binary, BinaryOp, Chain, ChainOp, Expr, ExprKind, In, InOp, Unary};
use crate::kql::types::ScalarType;

impl<'a> Compiler<'_, 'a> {
    pub(super) fn unary(&self, unary: &'a Unary, span: Span) -> Result<Typed, Fault> {
        let operand = self.compile(&unary.operand)?;
        if !unary.negative {
            return Ok(operand);
        }
        // A constant keeps its type, a column of `int` becomes `long`: as the binder has it.
        let ty = match operand.ty {
            ScalarType::Int if operand.as_constant().is_none() => ScalarType::Long,
            ty => ty,
        };
        let operand = Rc::new(operand);
        self.node(ty, &[&operand], Node::Negate(Rc::clone(&operand)), span)
    }

    pub(super) fn chain(&self, chain: &'a Chain, span: Span) -> Result<Typed, Fault> {
        match chain.rest.first().map(|link| link.op) {
            Some(op @ (ChainOp::And | ChainOp::Or)) => {
                let mut parts = vec![self.condition(&chain.first)?];
                for link in &chain.rest {
                    parts.push(self.condition(&link.operand)?);
                }
                let parts = Rc::new(parts);
                let children: Vec<&Typed> = parts.iter().collect();
                let make = if op == ChainOp::And { Node::And } else { Node::Or };
                self.node(ScalarType::Bool, &children, make(Rc::clone(&parts)), span)
            }
            _ => {
                let mut left = self.compile(&chain.first)?;
                for link in &chain.rest {
                    let right = self.compile(&link.operand)?;
                    left = self.arithmetic(link.op, left, right, link.op_span)?;
                }
                Ok(left)
            }
        }
    }

    /// An operand of `and` and `or`, or the predicate of a `where`.
    pub(crate) fn condition(&self, expr: &'a Expr) -> Result<Typed, Fault> {
        if self.search
            && let Some(term) = self.search_term(expr)?
        {
            return Ok(term);
        }
        let typed = self.compile(expr)?;
        match typed.ty {
            ScalarType::Bool | ScalarType::Dynamic | ScalarType::Unknown => Ok(typed),
            ty => {
                let message = format!("a condition is expected, not a value of type {ty}");
                Err(self.scope.failed(message, expr.span))
            }
        }
    }

    /// In `search`: a text alone, or a name for one, stands for "any column has it". `None` for an ordinary condition.
    fn search_term(&self, expr: &'a Expr) -> Result<Option<Typed>, Fault> {
        match &expr.kind {
            ExprKind::Star => Ok(Some(Typed::constant(Value::Bool(true), ScalarType::Bool))),
            ExprKind::Paren(inner) => self.condition(inner).map(Some),
            ExprKind::String(_) | ExprKind::Literal(_) | ExprKind::Name(_) => {
                let term = self.compile(expr)?;
                match (term.ty, term.as_constant()) {
                    (ScalarType::Bool, _) | (_, None) => Ok(None),
                    _ => self.any_column(BinaryOp::Has, &term, expr.span).map(Some),
                }
            }
            _ => Ok(None),
        }
    }

    fn arithmetic(&self, op: ChainOp, left: Typed, right: Typed, span: Span) -> Result<Typed, Fault> {
        let decimal = ScalarType::Decimal;
        if left.ty == decimal || right.ty == decimal {
            return Err(self.scope.not_evaluated("the type decimal", span));
        }
        let Some(ty) = arithmetic::result(op, left.ty, right.ty) else {
            let message = format!(
                "the operator '{}' is not defined for {} and {}",
                span.of(self.scope.text),
                left.ty,
                right.ty
            );
            return Err(self.scope.failed(message, span));
        };
        self.pair(ty, left, right, |pair| Node::Arithmetic(op, pair), span)
    }

    pub(super) fn binary(&self, binary: &'a Binary, span: Span) -> Result<Typed, Fault> {
        if matches!(binary.left.kind, ExprKind::Star) {
            return self.any_column(binary.op, &self.compile(&binary.right)?, span);
        }
        let left = self.compile(&binary.left)?;
        let right = self.compile(&binary.right)?;
        self.comparison(binary.op, left, right, span)
    }

    fn comparison(&self, op: BinaryOp, left: Typed, right: Typed, span: Span) -> Result<Typed, Fault> {
        match op {
            BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual => {
                if !comparable(left.ty, right.ty) {
                    let message = format!("values of types {} and {} cannot be compared", left.ty, right.ty);
                    return Err(self.scope.failed(message, span));
                }
                self.pair(ScalarType::Bool, left, right, |pair| Node::Compare(op, pair), span)
            }
            BinaryOp::MatchesRegex => {
                let Some(Value::String(pattern)) = right.as_constant() else {
                    let place = self.scope.place(span);
                    return self.pair(
                        ScalarType::Bool,
                        left,
                        right,
                        |pair| Node::MatchesAny(pair, place),
                        span,
                    );
                };
                let regex = self.context().regex(pattern, self.scope.place(span))?;
                let parts = Rc::new((left, regex));
                self.node(ScalarType::Bool, &[&parts.0], Node::Matches(Rc::clone(&parts)), span)
            }
            BinaryOp::Search => self.comparison(BinaryOp::Has, left, right, span),
            _ => self.pair(ScalarType::Bool, left, right, |pair| Node::Text(op, pair), span),
        }
    }

    /// `* has "x"`: whether any column does; the negated operators hold when no column does.
    pub(super) fn any_column(&self, op: BinaryOp, right: &Typed, span: Span) -> Result<Typed, Fault> {
        let Some(rows) = self.rows else { return Err(self.scope.failed("there are no columns here", span)) };
        if rows.frame.open {
            return Err(self.scope.not_evaluated("all columns of a table whose columns are not known", span));
        }
        let negated = is_negated(op);
        let mut parts = Vec::new();
        for (index, column) in rows.frame.columns.iter().enumerate() {
            let left = Typed::column(index, column.ty);
            // What cannot be compared with the value does not hold it.
            let plain = matches!(op, BinaryOp::Equal | BinaryOp::NotEqual);
            if !plain || comparable(column.ty, right.ty) {
                parts.push(self.comparison(op, left, right.clone(), span)?);
            }
        }
        let parts = Rc::new(parts);
        let children: Vec<&Typed> = parts.iter().collect();
        let node = if negated { Node::And(Rc::clone(&parts)) } else { Node::Or(Rc::clone(&parts)) };
        self.node(ScalarType::Bool, &children, node, span)
    }

    pub(super) fn between(&self, test: &'a Between, span: Span) -> Result<Typed, Fault> {
        let parts = Rc::new((self.compile(&test.left)?, self.compile(&test.low)?, self.compile(&test.high)?));
        let node = Node::Between(Rc::clone(&parts), test.negated);
        self.node(ScalarType::Bool, &[&parts.0, &parts.1, &parts.2], node, span)
    }

    pub(super) fn in_list(&self, test: &'a In, span: Span) -> Result<Typed, Fault> {
        let (negated, ignore_case) = match test.op {
            InOp::In => (false, false),
            InOp::InTilde => (false, true),
            InOp::NotIn => (true, false),
            InOp::NotInTilde => (true, true),
            InOp::HasAny => return self.has_any(test, false, span),
            InOp::HasAll => return self.has_any(test, true, span),
        };
        let values = self.list(test)?;
        if matches!(test.left.kind, ExprKind::Star) {
            return self.any_column_in(&values, negated, ignore_case, span);
        }
        self.membership(self.compile(&test.left)?, values, negated, ignore_case, span)
    }

    fn any_column_in(
        &self,
        values: &[Typed],
        negated: bool,
        ignore_case: bool,
        span: Span,
    ) -> Result<Typed, Fault> {
        let Some(rows) = self.rows else { return Err(self.scope.failed("there are no columns here", span)) };
        let mut parts = Vec::new();
        for (index, column) in rows.frame.columns.iter().enumerate() {
            let left = Typed::column(index, column.ty);
            parts.push(self.membership(left, values.to_vec(), negated, ignore_case, span)?);
        }
        let parts = Rc::new(parts);
        let children: Vec<&Typed> = parts.iter().collect();
        let node = if negated { Node::And(Rc::clone(&parts)) } else { Node::Or(Rc::clone(&parts)) };
        self.node(ScalarType::Bool, &children, node, span)
    }

    fn membership(
        &self,
        left: Typed,
        values: Vec<Typed>,
        negated: bool,
        ignore_case: bool,
        span: Span,
    ) -> Result<Typed, Fault> {
        let mut set = HashSet::new();
        let mut others = Vec::new();
        for value in values {
            match value.as_constant() {
                Some(constant) if ignore_case || hashes(left.ty, constant) => {
                    set.insert(Key(vec![in_key(constant, ignore_case, left.ty)]));
                }
                _ => others.push(value),
            }
        }
        let membership = Rc::new(Membership { left, negated, ignore_case, set, others });
        let mut children: Vec<&Typed> = vec![&membership.left];
        children.extend(&membership.others);
        self.node(ScalarType::Bool, &children, Node::In(Rc::clone(&membership)), span)
    }

    fn has_any(&self, test: &'a In, every: bool, span: Span) -> Result<Typed, Fault> {
        let values = Rc::new(self.list(test)?);
        if matches!(test.left.kind, ExprKind::Star) {
            return Err(self.scope.not_evaluated("has_any of all columns", span));
        }
        let left = Rc::new(self.compile(&test.left)?);
        let mut children: Vec<&Typed> = vec![&left];
        children.extend(values.iter());
        let node = Node::HasAny(Rc::clone(&left), Rc::clone(&values), every);
        self.node(ScalarType::Bool, &children, node, span)
    }

    /// The values to compare with: constants of arrays one by one, the first column of a query.
    fn list(&self, test: &'a In) -> Result<Vec<Typed>, Fault> {
        let mut values = Vec::new();
        for item in &test.list {
            if let Some(frame) = self.run.table_if(item, self)? {
                let ty = frame.ty(0);
                let cells = frame.rows.iter().filter_map(|row| row.first());
                cells.for_each(|cell| spread(cell, ty, &mut values));
                continue;
            }
            let typed = self.compile(item)?;
            match typed.as_constant() {
                Some(constant) => spread(constant, typed.ty, &mut values),
                None => values.push(typed),
            }
        }
        Ok(values)
    }
}

/// A value, or the elements of an array.
fn spread(value: &Value, ty: ScalarType, values: &mut Vec<Typed>) {
    match value.as_dynamic() {
        Some(Dynamic::Array(items)) => values.extend(items.iter().map(|item| {
            let value = Value::dynamic(item.clone()).unwrapped();
            Typed::constant(value, ScalarType::Dynamic)
        })),
        Some(Dynamic::Bag(members)) => values.extend(
            members
                .iter()
                .map(|(key, _)| Typed::constant(Value::String(Arc::clone(key)), ScalarType::String)),
        ),
        _ => values.push(Typed::constant(value.clone(), ty)),
    }
}

/// Whether equality with a left side of that type can be decided by a hash.
fn hashes(left: ScalarType, value: &Value) -> bool {
    matches!(
        (left, value),
        (ScalarType::String, Value::String(_))
            | (ScalarType::Int | ScalarType::Long, Value::Int(_) | Value::Long(_))
            | (ScalarType::DateTime, Value::DateTime(_))
            | (ScalarType::TimeSpan, Value::TimeSpan(_))
            | (ScalarType::Guid, Value::Guid(_))
    )
}

/// Whether the service compares values of these types at all.
fn comparable(a: ScalarType, b: ScalarType) -> bool {
    use ScalarType as T;
    let class = |ty| match ty {
        T::Bool | T::Int | T::Long | T::Real => 1,
        T::String => 2,
        T::DateTime => 3,
        T::TimeSpan => 4,
        T::Guid => 5,
        T::Decimal => 1,
        T::Dynamic | T::Unknown => 0,
    };
    // A text is read as a value of the other type: `ResultType == 0`, `EventID == "4688"`.
    let as_text = a == T::String || b == T::String;
    class(a) == 0 || class(b) == 0 || class(a) == class(b) || as_text
}

pub(super) fn is_negated(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::NotEqual
            | BinaryOp::NotEqualTilde
            | BinaryOp::NotHas
            | BinaryOp::NotHasCs
            | BinaryOp::NotHasPrefix
            | BinaryOp::NotHasPrefixCs
            | BinaryOp::NotHasSuffix
            | BinaryOp::NotHasSuffixCs
            | BinaryOp::NotLike
            | BinaryOp::NotLikeCs
            | BinaryOp::NotContains
            | BinaryOp::NotContainsCs
            | BinaryOp::NotStartsWith
            | BinaryOp::NotStartsWithCs
            | BinaryOp::NotEndsWith
            | BinaryOp::NotEndsWithCs
    )
}
