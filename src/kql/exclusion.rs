//! What a condition of a `where` leaves out, said the other way round: as alternatives of comparisons that must all hold.
//!
//! `where not(a == "x" and b has "y") and c !in ("u", "v")` leaves out the events for which (a is x and b has y) or (c is u or v).
//! That is the form in which exceptions are kept elsewhere, so this is the bridge from hand-written tuning to there.
//!
//! Nothing is guessed. A reading is given only where it is exact: the condition is true for an event exactly when none of the
//! alternatives is. What stands inside a `not` may be null, and `where not(null)` drops the row; so only comparisons that are
//! never null are read, or those in `coalesce(…, false)`. Text is never null in Kusto. Whether a column holds text is for the
//! caller to see: [`Comparison::text_only`], [`Comparison::nullable`].
//!
//! Start with [`excluded`]; [`is_exclusion`] is the coarser question.

use std::collections::BTreeMap;

use super::span::Span;
use super::syntax::*;
use super::token::LiteralKind;

/// Alternatives of one condition: more are not worth a place of their own.
const MOST_ALTERNATIVES: usize = 32;

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // each is named like the operator it stands for
pub enum Operator {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
    Has,
    MatchesRegex,
    /// `ipv4_is_in_range`, `ipv6_is_in_any_range` and their kin, in `coalesce(…, false)`.
    InNetwork,
}

/// A constant of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constant {
    /// `"text"`
    Text(Box<str>),
    /// `12`
    Whole(i64),
    /// `true`
    Truth(bool),
}

/// One column compared with constants: true when any of them fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// A bare name: a column, if the place has one of that name.
    pub column: Box<str>,
    /// How.
    pub operator: Operator,
    /// Letters are compared with case.
    pub cased: bool,
    /// At least one.
    pub constants: Vec<Constant>,
    /// It stands in `coalesce(…, false)`: never null, whatever the column holds.
    pub guarded: bool,
    /// The `let` constants that it names.
    pub lets: Vec<Box<str>>,
    /// Where it stands.
    pub span: Span,
}

impl Comparison {
    /// It compares text, which is never null: the column must be a `string`.
    #[must_use]
    pub fn text_only(&self) -> bool {
        self.operator != Operator::Equals
            || self.constants.iter().all(|constant| matches!(constant, Constant::Text(_)))
    }

    /// Its result for a column without a value may be null, or is not documented: `in` of a number.
    #[must_use]
    pub fn nullable(&self) -> bool {
        !self.guarded && !self.text_only() && self.constants.len() > 1
    }
}

/// Comparisons that must all hold, each of another column.
pub type Alternative = Vec<Comparison>;

/// Why a condition cannot be read as alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What stands in the way.
    pub span: Span,
    /// Why, as the end of a sentence: "… because".
    pub why: &'static str,
    /// It says what must be, not what may not: no exclusion at all.
    pub positive: bool,
}

/// Constants declared by `let`, by name.
pub type Lets<'t> = BTreeMap<&'t str, &'t Expr>;

/// What `condition`, a part of `text`, leaves out: it is true exactly when none of the alternatives is.
///
/// # Errors
/// When it says anything else, with the part that stands in the way.
pub fn excluded(text: &str, condition: &Expr, lets: &Lets<'_>) -> Result<Vec<Alternative>, Unread> {
    Reader { text, lets }.when(condition, false)
}

/// Constants that `let` declares at the top of a query: texts and lists of texts.
#[must_use]
pub fn constants(query: &Query) -> Lets<'_> {
    let lets = query.statements.iter().filter_map(|statement| match &statement.kind {
        StatementKind::Let(declared) => Some(declared),
        _ => None,
    });
    lets.filter_map(|declared| match &declared.value {
        LetValue::Expr(value) if matches!(value.kind, ExprKind::String(_) | ExprKind::Dynamic(_)) => {
            Some((&*declared.name.text, value))
        }
        _ => None,
    })
    .collect()
}

/// The operands of the outermost `and`s.
#[must_use]
pub fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match &condition.kind {
        ExprKind::Chain(chain) if chain.rest.iter().all(|link| link.op == ChainOp::And) => {
            std::iter::once(&chain.first).chain(chain.rest.iter().map(|link| &link.operand)).collect()
        }
        _ => vec![condition],
    }
}

/// Whether a condition looks like an exception: a negated comparison with a constant that is not empty. `!= ""` and
/// `not(isempty(x))` ask for a value instead.
#[must_use]
pub fn is_exclusion(condition: &Expr) -> bool {
    match &condition.kind {
        ExprKind::Paren(inner) => is_exclusion(inner),
        ExprKind::Call(call) if &*call.name.text == "not" => call.arguments.iter().any(names_a_constant),
        ExprKind::Chain(chain) => {
            let logical = chain.rest.iter().all(|link| matches!(link.op, ChainOp::And | ChainOp::Or));
            logical
                && std::iter::once(&chain.first)
                    .chain(chain.rest.iter().map(|link| &link.operand))
                    .all(is_exclusion)
        }
        ExprKind::Binary(binary) => negative(binary.op) && says_something(&binary.right),
        ExprKind::In(test) => {
            matches!(test.op, InOp::NotIn | InOp::NotInTilde) && !test.list.iter().any(is_table)
        }
        _ => false,
    }
}

fn is_table(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Pipeline(_) => true,
        ExprKind::Paren(inner) => is_table(inner),
        _ => false,
    }
}

/// A comparison with something that is not empty, anywhere below.
fn names_a_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Paren(inner) => names_a_constant(inner),
        ExprKind::Chain(chain) => std::iter::once(&chain.first)
            .chain(chain.rest.iter().map(|link| &link.operand))
            .any(names_a_constant),
        ExprKind::Binary(binary) => says_something(&binary.right),
        ExprKind::In(test) => !test.list.iter().any(is_table),
        ExprKind::Call(call) => {
            let name = &*call.name.text;
            (matches!(name, "not" | "coalesce") && call.arguments.iter().any(names_a_constant))
                || name.starts_with("ipv4_is_")
                || name.starts_with("ipv6_is_")
        }
        _ => false,
    }
}

fn says_something(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::String(text) => !text.value.is_empty(),
        ExprKind::Literal(_) => true,
        _ => false,
    }
}

fn negative(op: BinaryOp) -> bool {
    matches!(positive(op), Some((_, _, false)))
}

/// The operator, whether it minds case, and whether it says yes.
const fn positive(op: BinaryOp) -> Option<(Operator, bool, bool)> {
    Some(match op {
        BinaryOp::Equal => (Operator::Equals, true, true),
        BinaryOp::NotEqual => (Operator::Equals, true, false),
        BinaryOp::EqualTilde => (Operator::Equals, false, true),
        BinaryOp::NotEqualTilde => (Operator::Equals, false, false),
        BinaryOp::Has => (Operator::Has, false, true),
        BinaryOp::NotHas => (Operator::Has, false, false),
        BinaryOp::HasCs => (Operator::Has, true, true),
        BinaryOp::NotHasCs => (Operator::Has, true, false),
        BinaryOp::Contains => (Operator::Contains, false, true),
        BinaryOp::NotContains => (Operator::Contains, false, false),
        BinaryOp::ContainsCs => (Operator::Contains, true, true),
        BinaryOp::NotContainsCs => (Operator::Contains, true, false),
        BinaryOp::StartsWith => (Operator::StartsWith, false, true),
        BinaryOp::NotStartsWith => (Operator::StartsWith, false, false),
        BinaryOp::StartsWithCs => (Operator::StartsWith, true, true),
        BinaryOp::NotStartsWithCs => (Operator::StartsWith, true, false),
        BinaryOp::EndsWith => (Operator::EndsWith, false, true),
        BinaryOp::NotEndsWith => (Operator::EndsWith, false, false),
        BinaryOp::EndsWithCs => (Operator::EndsWith, true, true),
        BinaryOp::NotEndsWithCs => (Operator::EndsWith, true, false),
        BinaryOp::MatchesRegex => (Operator::MatchesRegex, true, true),
        _ => return None,
    })
}

struct Reader<'l, 't> {
    text: &'l str,
    lets: &'l Lets<'t>,
}

impl Reader<'_, '_> {
    /// When `expr` is `wanted`, as alternatives.
    fn when(&self, expr: &Expr, wanted: bool) -> Result<Vec<Alternative>, Unread> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.when(inner, wanted),
            ExprKind::Call(call) if &*call.name.text == "not" => match call.arguments.as_slice() {
                [inner] => self.when(inner, !wanted),
                _ => Err(unread(expr, "`not` takes one condition")),
            },
            ExprKind::Chain(chain) => self.chain(expr, chain, wanted),
            _ => {
                let (comparison, says_yes) = self.comparison(expr)?;
                if says_yes == wanted {
                    Ok(vec![vec![comparison]])
                } else {
                    Err(Unread {
                        span: expr.span,
                        why: "it says what must be, and an entry says what may be ignored",
                        positive: true,
                    })
                }
            }
        }
    }

    fn chain(&self, expr: &Expr, chain: &Chain, wanted: bool) -> Result<Vec<Alternative>, Unread> {
        let op = chain.rest.first().map(|link| link.op);
        let all = match op {
            Some(ChainOp::And) => wanted,
            Some(ChainOp::Or) => !wanted,
            _ => return Err(unread(expr, "it is computed")),
        };
        let operands = std::iter::once(&chain.first).chain(chain.rest.iter().map(|link| &link.operand));
        let mut result: Vec<Alternative> = if all { vec![Vec::new()] } else { Vec::new() };
        for operand in operands {
            let alternatives = self.when(operand, wanted)?;
            if all {
                result = product(expr, &result, &merged(alternatives))?;
            } else {
                result.extend(alternatives);
            }
            if result.len() > MOST_ALTERNATIVES {
                return Err(unread(expr, "it has too many alternatives"));
            }
        }
        Ok(result)
    }

    /// One comparison, and whether it holds when the condition does.
    fn comparison(&self, expr: &Expr) -> Result<(Comparison, bool), Unread> {
        match &expr.kind {
            ExprKind::Binary(binary) => {
                let Some((operator, cased, says_yes)) = positive(binary.op) else {
                    return Err(unread(expr, "no entry can compare like this"));
                };
                let comparison =
                    self.compare(expr, &binary.left, operator, cased, std::slice::from_ref(&binary.right))?;
                Ok((comparison, says_yes))
            }
            ExprKind::In(test) => {
                let (operator, cased, says_yes) = match test.op {
                    InOp::In => (Operator::Equals, true, true),
                    InOp::NotIn => (Operator::Equals, true, false),
                    InOp::InTilde => (Operator::Equals, false, true),
                    InOp::NotInTilde => (Operator::Equals, false, false),
                    InOp::HasAny => (Operator::Has, false, true),
                    InOp::HasAll => return Err(unread(expr, "an entry asks one thing of a column")),
                };
                Ok((self.compare(expr, &test.left, operator, cased, &test.list)?, says_yes))
            }
            ExprKind::Call(call) if &*call.name.text == "coalesce" => self.guarded(expr, call),
            ExprKind::Call(call) if network_test(&call.name.text) => {
                Err(unread(expr, "it is null for what is no such address, and such events are dropped too"))
            }
            _ => Err(unread(expr, "it compares no column with constants")),
        }
    }

    /// `coalesce(comparison, false)`.
    fn guarded(&self, expr: &Expr, call: &Call) -> Result<(Comparison, bool), Unread> {
        let [inner, fallback] = call.arguments.as_slice() else {
            return Err(unread(expr, "it compares no column with constants"));
        };
        if !matches!(self.constant(fallback).as_deref(), Some([Constant::Truth(false)])) {
            return Err(unread(expr, "what it says of an empty column is not what an entry says"));
        }
        let inner = bare(inner);
        let comparison = match &inner.kind {
            ExprKind::Call(test) if network_test(&test.name.text) => match test.arguments.as_slice() {
                [column, networks @ ..] => {
                    let read = self.compare(expr, column, Operator::InNetwork, true, networks)?;
                    let six = test.name.text.starts_with("ipv6");
                    let fits = |network: &Constant| matches!(network, Constant::Text(text) if text.contains(':') == six);
                    if !read.constants.iter().all(fits) {
                        return Err(unread(expr, "its networks are of another family than its function"));
                    }
                    read
                }
                [] => return Err(unread(expr, "it compares no column with constants")),
            },
            _ => match self.comparison(inner)? {
                (comparison, true) => comparison,
                (_, false) => return Err(unread(expr, "it says what must be inside `coalesce`")),
            },
        };
        Ok((Comparison { guarded: true, span: expr.span, ..comparison }, true))
    }

    fn compare(
        &self,
        expr: &Expr,
        left: &Expr,
        operator: Operator,
        cased: bool,
        right: &[Expr],
    ) -> Result<Comparison, Unread> {
        let ExprKind::Name(column) = &bare(left).kind else {
            return Err(unread(left, "it is computed, and an entry names a column"));
        };
        let mut constants = Vec::new();
        let mut lets = Vec::new();
        for value in right {
            let value = bare(value);
            match (&value.kind, self.constant(value)) {
                (_, Some(found)) => constants.extend(found),
                (ExprKind::Name(name), None) => {
                    match self.lets.get(&*name.text).and_then(|v| self.constant(v)) {
                        Some(found) => {
                            constants.extend(found);
                            lets.push(name.text.clone());
                        }
                        None => return Err(unread(value, "it is no constant")),
                    }
                }
                _ => return Err(unread(value, "it is no constant")),
            }
        }
        if constants.is_empty() {
            return Err(unread(expr, "it compares with nothing"));
        }
        Ok(Comparison {
            column: column.text.clone(),
            operator,
            cased,
            constants,
            guarded: false,
            lets,
            span: expr.span,
        })
    }

    /// A constant, or the members of a list of texts.
    fn constant(&self, expr: &Expr) -> Option<Vec<Constant>> {
        let text_of = |expr: &Expr| match &expr.kind {
            ExprKind::String(text) => Some(Constant::Text(text.value.clone())),
            _ => None,
        };
        match &expr.kind {
            ExprKind::String(_) => Some(vec![text_of(expr)?]),
            ExprKind::Literal(LiteralKind::Long) => {
                Some(vec![Constant::Whole(expr.span.of(self.text).parse().ok()?)])
            }
            ExprKind::Literal(LiteralKind::Bool) => {
                Some(vec![Constant::Truth(expr.span.of(self.text).to_ascii_lowercase().parse().ok()?)])
            }
            ExprKind::Dynamic(inner) => match &inner.kind {
                ExprKind::Array(items) => items.iter().map(text_of).collect(),
                _ => None,
            },
            _ => None,
        }
    }
}

fn network_test(name: &str) -> bool {
    matches!(name, "ipv4_is_in_range" | "ipv4_is_in_any_range" | "ipv6_is_in_range" | "ipv6_is_in_any_range")
}

fn bare(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Paren(inner) => bare(inner),
        _ => expr,
    }
}

/// Alternatives of one column and operator as one comparison with more constants.
fn merged(alternatives: Vec<Alternative>) -> Vec<Alternative> {
    let mut result: Vec<Alternative> = Vec::new();
    for alternative in alternatives {
        if let [one] = alternative.as_slice() {
            let fits = |known: &Comparison| {
                let lists = !matches!(known.operator, Operator::MatchesRegex);
                lists
                    && (&known.column, known.operator, known.cased, known.guarded)
                        == (&one.column, one.operator, one.cased, one.guarded)
            };
            let same = result.iter_mut().find_map(|known| match known.as_mut_slice() {
                [known] if fits(known) => Some(known),
                _ => None,
            });
            if let Some(known) = same {
                known.constants.extend(one.constants.iter().cloned());
                known.lets.extend(one.lets.iter().cloned());
                continue;
            }
        }
        result.push(alternative);
    }
    result
}

fn product(expr: &Expr, left: &[Alternative], right: &[Alternative]) -> Result<Vec<Alternative>, Unread> {
    let mut result = Vec::new();
    for one in left {
        for other in right {
            if other.iter().any(|new| one.iter().any(|known| known.column == new.column)) {
                return Err(unread(expr, "an entry asks one thing of a column, and this asks two"));
            }
            result.push(one.iter().chain(other).cloned().collect());
            if result.len() > MOST_ALTERNATIVES {
                return Err(unread(expr, "it has too many alternatives"));
            }
        }
    }
    Ok(result)
}

fn unread(expr: &Expr, why: &'static str) -> Unread {
    Unread { span: expr.span, why, positive: false }
}

#[cfg(test)]
#[path = "exclusion_tests.rs"]
mod tests;
