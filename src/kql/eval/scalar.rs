//! Compiled scalar expressions: columns by index, names resolved, constants folded. Made by `compile`, run row by row.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use regex::Regex;

use super::call::{Call, Context};
use super::compare::{Key, equals, order, text_of};
use super::convert::convert;
use super::frame::cell;
use super::functions::{Function, Tuple};
use super::value::{Dynamic, Value};
use super::{Fault, arithmetic, text};
use crate::kql::span::Span;
use crate::kql::syntax::{BinaryOp, ChainOp};
use crate::kql::types::ScalarType;

/// An expression and its static type.
#[derive(Clone)]
pub(crate) struct Typed {
    pub(crate) ty: ScalarType,
    /// How deep the tree is: evaluation recurses that far.
    pub(crate) height: u16,
    pub(crate) node: Node,
}

#[derive(Clone)]
pub(crate) enum Node {
    Constant(Value),
    Column(usize),
    /// A column of the right side, in the condition of a join.
    Right(usize),
    /// Computed ahead for every row: window functions.
    ByRow(Rc<Vec<Value>>),
    /// An argument of a function of the query, or a `let` inside one.
    Shared(Rc<Typed>),
    Call(Rc<Applied>),
    /// One column of a call that gives several.
    Tuple(Rc<Spread>, usize),
    /// `iff(c, a, b)`, `case(c, a, d, b, e)`: conditions and results in turn, then what is left.
    Choice(Rc<Vec<Typed>>),
    /// The first that is neither null nor an empty string.
    Coalesce(Rc<Vec<Typed>>),
    And(Rc<Vec<Typed>>),
    Or(Rc<Vec<Typed>>),
    Not(Rc<Typed>),
    /// `==`, `!=`, `<` …
    Compare(BinaryOp, Rc<(Typed, Typed)>),
    /// `has`, `contains` …
    Text(BinaryOp, Rc<(Typed, Typed)>),
    Matches(Rc<(Typed, Arc<Regex>)>),
    /// `matches regex` with a pattern that varies.
    MatchesAny(Rc<(Typed, Typed)>, Span),
    In(Rc<Membership>),
    HasAny(Rc<Typed>, Rc<Vec<Typed>>, bool),
    Between(Rc<(Typed, Typed, Typed)>, bool),
    Arithmetic(ChainOp, Rc<(Typed, Typed)>),
    Negate(Rc<Typed>),
    Member(Rc<Typed>, Arc<str>),
    Element(Rc<(Typed, Typed)>),
    /// `pack_all()`, `pack(...)` of columns: what is null or, if told so, empty is left out.
    Pack(Rc<Vec<(Arc<str>, Typed)>>, bool),
}

/// A call of a function of the library.
pub(crate) struct Applied {
    pub(crate) function: &'static Function,
    pub(crate) args: Vec<Typed>,
    pub(crate) types: Vec<ScalarType>,
    pub(crate) returns: ScalarType,
    pub(crate) span: Span,
}

/// A call of a function of the library that gives several columns.
pub(crate) struct Spread {
    pub(crate) tuple: &'static Tuple,
    pub(crate) args: Vec<Typed>,
    pub(crate) types: Vec<ScalarType>,
    pub(crate) span: Span,
}

/// `left in (list)`.
pub(crate) struct Membership {
    pub(crate) left: Typed,
    pub(crate) negated: bool,
    pub(crate) ignore_case: bool,
    /// The constants of the list.
    pub(crate) set: HashSet<Key>,
    /// The list holds nulls or values that a hash does not find, such as a number for a text.
    pub(crate) others: Vec<Typed>,
}

/// The row an expression is evaluated on.
#[derive(Clone, Copy)]
pub(crate) struct At<'r> {
    pub(crate) row: &'r [Value],
    /// The row of the right side, in the condition of a join.
    pub(crate) right: &'r [Value],
    /// Its place among the rows that the expression was compiled for.
    pub(crate) index: usize,
    pub(crate) context: &'r Context,
}

impl<'r> At<'r> {
    pub(crate) fn new(row: &'r [Value], index: usize, context: &'r Context) -> At<'r> {
        At { row, right: &[], index, context }
    }
}

/// Deeper trees are refused; so deep is no query that a person wrote.
const MAX_HEIGHT: u16 = 400;

impl Typed {
    pub(crate) fn constant(value: Value, ty: ScalarType) -> Typed {
        Typed { ty, height: 0, node: Node::Constant(value) }
    }

    pub(crate) fn column(index: usize, ty: ScalarType) -> Typed {
        Typed { ty, height: 0, node: Node::Column(index) }
    }

    /// A node over children of these heights, evaluated at once if all are constants.
    pub(crate) fn build(
        ty: ScalarType,
        children: &[&Typed],
        node: Node,
        context: &Context,
        span: Span,
    ) -> Result<Typed, Fault> {
        let height = children.iter().map(|child| child.height).max().unwrap_or(0) + 1;
        if height > MAX_HEIGHT {
            return Err(Fault::Budget { what: "levels of nesting", limit: u64::from(MAX_HEIGHT), span });
        }
        let constant = children.iter().all(|child| child.as_constant().is_some());
        let typed = Typed { ty, height, node };
        if constant {
            let value = typed.value(At::new(&[], 0, context))?;
            return Ok(Typed::constant(value, ty));
        }
        Ok(typed)
    }

    pub(crate) fn as_constant(&self) -> Option<&Value> {
        match &self.node {
            Node::Constant(value) => Some(value),
            Node::Shared(inner) => inner.as_constant(),
            _ => None,
        }
    }

    /// The value on a row.
    pub(crate) fn value(&self, at: At<'_>) -> Result<Value, Fault> {
        self.eval(at).map(Cow::into_owned)
    }

    /// The value on a row as a cell of a table; a part of a dynamic is copied, so it counts as new.
    pub(crate) fn kept(&self, at: At<'_>) -> Result<Value, Fault> {
        let value = self.value(at)?;
        if let (Value::Dynamic(_), Node::Member(..) | Node::Element(_)) = (&value, &self.node) {
            at.context.made(&value, at.context.operator())?;
        }
        Ok(value)
    }

    /// Whether a condition holds; null does not.
    pub(crate) fn holds(&self, at: At<'_>) -> Result<bool, Fault> {
        Ok(self.eval(at)?.as_bool() == Some(true))
    }

    pub(crate) fn eval<'r>(&'r self, at: At<'r>) -> Result<Cow<'r, Value>, Fault> {
        let value = match &self.node {
            Node::Constant(value) => return Ok(Cow::Borrowed(value)),
            Node::Column(index) => return Ok(Cow::Borrowed(cell(at.row, *index))),
            Node::Right(index) => return Ok(Cow::Borrowed(cell(at.right, *index))),
            Node::ByRow(values) => return Ok(Cow::Borrowed(values.get(at.index).unwrap_or(&Value::Null))),
            Node::Shared(inner) => return inner.eval(at),
            Node::Choice(parts) => return self.choice(parts, at),
            Node::Coalesce(parts) => return coalesce(parts, at),
            Node::Call(applied) => self.call(applied, at)?,
            Node::Tuple(spread, index) => match spread.call(self.ty, at)?.into_iter().nth(*index) {
                Some(value) => value,
                None => Value::missing(self.ty),
            },
            Node::And(parts) => all(parts, at, false)?,
            Node::Or(parts) => all(parts, at, true)?,
            Node::Not(inner) => inner.eval(at)?.as_bool().map(|truth| !truth).into(),
            Node::Compare(op, sides) => compare(*op, &*sides.0.eval(at)?, &*sides.1.eval(at)?),
            Node::Text(op, sides) => test(*op, &*sides.0.eval(at)?, &*sides.1.eval(at)?, at)?,
            Node::Matches(parts) => matches(&parts.1, &*parts.0.eval(at)?, at)?,
            Node::MatchesAny(parts, span) => {
                let regex = at.context.regex(&textual(&*parts.1.eval(at)?), *span)?;
                matches(&regex, &*parts.0.eval(at)?, at)?
            }
            Node::In(membership) => membership.holds(at)?,
            Node::HasAny(left, values, every) => {
                let left = left.eval(at)?;
                Value::Bool(has_any(&textual(&left), values, *every, at)?)
            }
            Node::Between(parts, negated) => {
                let value = parts.0.eval(at)?;
                between(&value, &*parts.1.eval(at)?, &*parts.2.eval(at)?).map(|b| b != *negated).into()
            }
            Node::Arithmetic(op, sides) => arithmetic::apply(*op, &*sides.0.eval(at)?, &*sides.1.eval(at)?),
            Node::Negate(inner) => arithmetic::negate(&*inner.eval(at)?),
            Node::Member(base, key) => match base.eval(at)?.as_dynamic().and_then(|d| d.member(key)) {
                Some(member) => Value::dynamic(member.clone()),
                None => Value::Null,
            },
            Node::Element(parts) => element(&*parts.0.eval(at)?, &*parts.1.eval(at)?),
            Node::Pack(members, drop_empty) => pack(members, *drop_empty, at)?,
        };
        Ok(Cow::Owned(value))
    }

    fn call(&self, applied: &Applied, at: At<'_>) -> Result<Value, Fault> {
        let mut values = Vec::with_capacity(applied.args.len());
        for arg in &applied.args {
            values.push(arg.value(at)?);
        }
        let call = Call {
            name: applied.function.name,
            types: &applied.types,
            returns: applied.returns,
            span: applied.span,
            context: at.context,
        };
        Ok(match call.of(applied.function.call, &values)? {
            Value::Null => Value::missing(applied.returns),
            value => value,
        })
    }

    fn choice<'r>(&'r self, parts: &'r [Typed], at: At<'r>) -> Result<Cow<'r, Value>, Fault> {
        for pair in parts.chunks(2) {
            let value = match pair {
                [condition, value] => {
                    if !condition.holds(at)? {
                        continue;
                    }
                    value.eval(at)?
                }
                [otherwise] => otherwise.eval(at)?,
                _ => continue,
            };
            // `iff(c, 1, 1.5)` is a real either way.
            return Ok(match (&*value, self.ty) {
                (Value::Int(_) | Value::Long(_), ScalarType::Real)
                | (Value::Int(_), ScalarType::Long)
                | (Value::Null, ScalarType::String) => Cow::Owned(convert(&value, self.ty)),
                (Value::Dynamic(_), ty) if !matches!(ty, ScalarType::Dynamic | ScalarType::Unknown) => {
                    Cow::Owned(convert(&value, ty))
                }
                _ => value,
            });
        }
        Ok(Cow::Owned(Value::missing(self.ty)))
    }
}

fn coalesce<'r>(parts: &'r [Typed], at: At<'r>) -> Result<Cow<'r, Value>, Fault> {
    let mut last = Cow::Owned(Value::Null);
    for part in parts {
        last = part.eval(at)?;
        let nothing = match &*last {
            Value::Null => true,
            Value::String(s) => s.is_empty(),
            _ => false,
        };
        if !nothing {
            break;
        }
    }
    Ok(last)
}

/// `and` (`stop` false) and `or` (`stop` true) of three values.
fn all(parts: &[Typed], at: At<'_>, stop: bool) -> Result<Value, Fault> {
    let mut unknown = false;
    for part in parts {
        match part.eval(at)?.as_bool() {
            Some(truth) if truth == stop => return Ok(Value::Bool(stop)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { Value::Null } else { Value::Bool(!stop) })
}

/// `a OP b` for the comparisons that are not of text.
pub(crate) fn compare(op: BinaryOp, a: &Value, b: &Value) -> Value {
    match op {
        BinaryOp::Equal => equals(a, b).into(),
        BinaryOp::NotEqual => equals(a, b).map(|same| !same).into(),
        _ => order(a, b)
            .map(|order| match op {
                BinaryOp::Less => order == Ordering::Less,
                BinaryOp::LessEqual => order != Ordering::Greater,
                BinaryOp::Greater => order == Ordering::Greater,
                _ => order != Ordering::Less,
            })
            .into(),
    }
}

fn test(op: BinaryOp, a: &Value, b: &Value, at: At<'_>) -> Result<Value, Fault> {
    let (a, b) = (textual(a), textual(b));
    at.context.look(a.len())?;
    Ok(text::test(op, &a, &b).into())
}

fn matches(regex: &Regex, value: &Value, at: At<'_>) -> Result<Value, Fault> {
    let text = textual(value);
    at.context.scan(text.len())?;
    Ok(Value::Bool(regex.is_match(&text)))
}

/// What an operator on text reads: a null is an empty text.
fn textual(value: &Value) -> Cow<'_, str> {
    match value.as_str() {
        Some(text) => Cow::Borrowed(text),
        None if value.is_null() => Cow::Borrowed(""),
        None => Cow::Owned(text_of(value).to_string()),
    }
}

fn has_any(text: &str, values: &[Typed], every: bool, at: At<'_>) -> Result<bool, Fault> {
    for value in values {
        let value = value.eval(at)?;
        at.context.look(text.len())?;
        let found = match value.as_dynamic() {
            Some(Dynamic::Array(items)) => {
                at.context.look(text.len().saturating_mul(items.len()))?;
                let has = |item: &Dynamic| {
                    let item = Value::dynamic(item.clone());
                    text::test(BinaryOp::Has, text, &textual(&item)) == Some(true)
                };
                if every { items.iter().all(has) } else { items.iter().any(has) }
            }
            _ => text::test(BinaryOp::Has, text, &textual(&value)) == Some(true),
        };
        if found != every {
            return Ok(found);
        }
    }
    Ok(every)
}

fn between(value: &Value, low: &Value, high: &Value) -> Option<bool> {
    // `Timestamp between (start .. 1d)`: the upper bound may be a distance from the lower one.
    let sum;
    let high = match (low, high) {
        (Value::DateTime(_), Value::TimeSpan(_)) => {
            sum = arithmetic::apply(ChainOp::Add, low, high);
            &sum
        }
        _ => high,
    };
    let low = order(value, low).map(|order| order != Ordering::Less);
    let high = order(value, high).map(|order| order != Ordering::Greater);
    match (low, high) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn element(base: &Value, index: &Value) -> Value {
    let Some(base) = base.as_dynamic() else { return Value::Null };
    let found = match (index.as_long(), index.as_str()) {
        (Some(index), _) => base.element(index),
        (None, Some(key)) => base.member(key),
        (None, None) => None,
    };
    found.map_or(Value::Null, |found| Value::dynamic(found.clone()))
}

fn pack(members: &[(Arc<str>, Typed)], drop_empty: bool, at: At<'_>) -> Result<Value, Fault> {
    let mut bag: Vec<(Arc<str>, Dynamic)> = Vec::with_capacity(members.len());
    for (name, member) in members {
        let value = member.value(at)?;
        let empty = value.is_null() || value.as_str() == Some("");
        if !(drop_empty && empty) {
            bag.push((Arc::clone(name), value.into_dynamic()));
        }
    }
    let made = Value::dynamic(Dynamic::Bag(bag));
    at.context.made(&made, at.context.operator())?;
    Ok(made)
}

impl Spread {
    fn call(&self, returns: ScalarType, at: At<'_>) -> Result<Vec<Value>, Fault> {
        let mut values = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            values.push(arg.value(at)?);
        }
        let (types, span) = (self.types.as_slice(), self.span);
        let call = Call { name: self.tuple.name, types, returns, span, context: at.context };
        at.context.arguments(&values, span)?;
        let made = (self.tuple.call)(&call, &values)?;
        for value in &made {
            at.context.made(value, span)?;
        }
        Ok(made)
    }
}

impl Membership {
    fn holds(&self, at: At<'_>) -> Result<Value, Fault> {
        let left = self.left.eval(at)?;
        let key = self.key(&left);
        let mut found = self.set.contains(&Key(vec![key]));
        for other in &self.others {
            if found {
                break;
            }
            let other = other.eval(at)?;
            found = match other.as_dynamic() {
                Some(Dynamic::Array(items)) => {
                    items.iter().any(|item| self.same(&left, &Value::dynamic(item.clone()).unwrapped()))
                }
                _ => self.same(&left, &other),
            };
        }
        Ok(Value::Bool(found != self.negated))
    }

    fn same(&self, left: &Value, right: &Value) -> bool {
        if self.ignore_case {
            return text::test(BinaryOp::EqualTilde, &textual(left), &textual(right)) == Some(true);
        }
        equals(left, right) == Some(true)
    }

    /// The form under which a value is kept in the set.
    pub(crate) fn key(&self, value: &Value) -> Value {
        in_key(value, self.ignore_case, self.left.ty)
    }
}

/// A value of an `in` list as its set keeps it; `ty` is the type of the left side.
pub(crate) fn in_key(value: &Value, ignore_case: bool, ty: ScalarType) -> Value {
    if ignore_case {
        return Value::string(&textual(value).to_lowercase());
    }
    match ty {
        // A dynamic on the left is compared with texts as text.
        ScalarType::Dynamic => match value.clone().unwrapped() {
            Value::Int(n) => Value::Long(i64::from(n)),
            other => other,
        },
        ScalarType::Real => value.as_real().into(),
        _ => value.clone().unwrapped(),
    }
}
