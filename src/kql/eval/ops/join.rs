//! `join` and `lookup`: by a hash of the keys, in the order of the left side (of the right one for right joins).
//!
//! Documentation: "join operator" and its flavors. A null key matches a null key, unlike in `==` (docs/kql-semantics.md says
//! on what evidence); two empty texts match.

use std::collections::HashMap;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::pipeline::word;
use crate::kql::eval::compare::Key;
use crate::kql::eval::compile::Compiler;
use crate::kql::eval::frame::{Frame, Row, cell};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::Node;
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::Value;
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{BinaryOp, ChainOp, Expr, ExprKind, Join, JoinCondition};
use crate::kql::types::ScalarType;

/// Which rows a join returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    InnerUnique,
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
    LeftSemi,
    RightSemi,
    LeftAnti,
    RightAnti,
}

impl Kind {
    fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "innerunique" => Kind::InnerUnique,
            "inner" => Kind::Inner,
            "leftouter" => Kind::LeftOuter,
            "rightouter" => Kind::RightOuter,
            "fullouter" => Kind::FullOuter,
            "leftsemi" => Kind::LeftSemi,
            "rightsemi" => Kind::RightSemi,
            "leftanti" | "anti" | "leftantisemi" => Kind::LeftAnti,
            "rightanti" | "rightantisemi" => Kind::RightAnti,
            _ => return None,
        })
    }
}

/// Column of the left side, column of the right side.
type Pair = (usize, usize);

impl<'a> Run<'a> {
    pub(super) fn join(
        &self,
        join: &'a Join,
        lookup: bool,
        mut left: Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let mut right = self.table(&join.right, scope)?;
        if let Some(JoinCondition::On(conditions)) = &join.condition {
            conditions.iter().for_each(|condition| expect(condition, &mut left, &mut right));
        }
        let left = &left;
        let default = if lookup { "leftouter" } else { "innerunique" };
        let name = word(&join.parameters, &["kind"]).unwrap_or(default);
        let Some(kind) = Kind::named(name) else {
            return Err(scope.failed(format!("there is no join kind '{name}'"), span));
        };
        let mut keys = Vec::new();
        match &join.condition {
            Some(JoinCondition::On(conditions)) => {
                let compiler = Compiler { right: Some(&right), ..Compiler::over(self, scope, left) };
                for condition in conditions {
                    pairs(condition, &compiler, left, &right, &mut keys)?;
                }
            }
            Some(JoinCondition::Where(_)) => return Err(scope.not_evaluated("join where", span)),
            None => return Err(scope.failed("the join needs 'on' and the columns to match", span)),
        }
        for row in left.rows.iter().chain(&right.rows) {
            self.context.spend(1, scope.place(span))?;
            for (ours, theirs) in &keys {
                self.context.look(cell(row, *ours).size().max(cell(row, *theirs).size()))?;
            }
        }
        let rows = self.matched(left, &right, &keys, kind, lookup, scope.place(span))?;
        let columns = match kind {
            Kind::LeftSemi | Kind::LeftAnti => return Ok(left.with_rows(rows)),
            Kind::RightSemi | Kind::RightAnti => return Ok(right.with_rows(rows)),
            _ => {
                let mut columns = left.columns.to_vec();
                let theirs = right.columns.iter().enumerate();
                let theirs =
                    theirs.filter(|(index, _)| !lookup || !keys.iter().any(|(_, right)| right == index));
                columns.extend(theirs.map(|(_, column)| column.clone()));
                unique_names(&mut columns);
                columns
            }
        };
        Ok(Frame { columns: Rc::new(columns), rows, open: left.open || right.open })
    }

    fn matched(
        &self,
        left: &Frame,
        right: &Frame,
        keys: &[Pair],
        kind: Kind,
        lookup: bool,
        span: Span,
    ) -> Result<Vec<Row>, Fault> {
        let (left_keys, right_keys): (Vec<usize>, Vec<usize>) = keys.iter().copied().unzip();
        let skipped: Vec<usize> = if lookup { right_keys.clone() } else { Vec::new() };
        let mut made: Vec<Row> = Vec::new();
        match kind {
            Kind::LeftSemi | Kind::LeftAnti => {
                let present: HashSet<Key> = right.rows.iter().map(|row| key_of(row, &right_keys)).collect();
                let wanted = kind == Kind::LeftSemi;
                let keeps = |row: &&Row| present.contains(&key_of(row, &left_keys)) == wanted;
                return Ok(left.rows.iter().filter(keeps).cloned().collect());
            }
            Kind::RightSemi | Kind::RightAnti => {
                let present: HashSet<Key> = left.rows.iter().map(|row| key_of(row, &left_keys)).collect();
                let wanted = kind == Kind::RightSemi;
                let keeps = |row: &&Row| present.contains(&key_of(row, &right_keys)) == wanted;
                return Ok(right.rows.iter().filter(keeps).cloned().collect());
            }
            _ => {}
        }
        let mut by_key: HashMap<Key, Vec<usize>> = HashMap::with_capacity(right.rows.len());
        for (index, row) in right.rows.iter().enumerate() {
            by_key.entry(key_of(row, &right_keys)).or_default().push(index);
        }
        let blank_left = left.blank();
        let blank_right = right.blank();
        let mut used = vec![false; right.rows.len()];
        let mut seen: HashSet<Key> = HashSet::new();
        for row in &left.rows {
            let key = key_of(row, &left_keys);
            if kind == Kind::InnerUnique && !seen.insert(key.clone()) {
                continue;
            }
            match by_key.get(&key) {
                Some(matches) => {
                    self.context.spend(matches.len() as u64, span)?;
                    self.context.check_rows(made.len() + matches.len(), span)?;
                    self.context.hold(matches.len(), left.columns.len() + right.columns.len())?;
                    for &index in matches {
                        if let (Some(other), Some(flag)) = (right.rows.get(index), used.get_mut(index)) {
                            *flag = true;
                            made.push(glue(row, other, &skipped));
                        }
                    }
                }
                None if matches!(kind, Kind::LeftOuter | Kind::FullOuter) => {
                    self.context.hold(1, left.columns.len() + right.columns.len())?;
                    made.push(glue(row, &blank_right, &skipped));
                }
                None => {}
            }
        }
        if matches!(kind, Kind::RightOuter | Kind::FullOuter) {
            let unmatched = right.rows.iter().zip(&used).filter(|(_, used)| !**used);
            made.extend(unmatched.map(|(row, _)| glue(&blank_left, row, &skipped)));
        }
        Ok(made)
    }

    /// `invoke FileProfile(column, limit)`: what the service knows of the files, from the case.
    ///
    /// Documentation: "Enrich advanced hunting with FileProfile()": at most 1000 files, 100 unless told.
    pub(super) fn file_profile(
        &self,
        call: &'a crate::kql::syntax::Call,
        frame: Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let key = match call.arguments.first() {
            Some(argument) => match &argument.kind {
                ExprKind::Name(name) => name.text.to_string(),
                ExprKind::String(string) => string.value.to_string(),
                _ => return Err(scope.failed("a column name is expected", argument.span)),
            },
            None => "SHA1".to_owned(),
        };
        let Some(key) = frame.position(&key) else {
            return Err(scope.failed(format!("no column is named '{key}'"), span));
        };
        let limit = match call.arguments.get(1) {
            Some(limit) => self.whole(limit, scope)?.min(1000),
            None => 100,
        };
        let profiles = self.world.file_profiles;
        let known = |name: &str| profiles.columns.iter().position(|column| &*column.name == name);
        let mut columns = frame.columns.to_vec();
        self.context.hold(frame.rows.len(), columns.len() + PROFILE.len())?;
        columns.extend(PROFILE.iter().map(|(name, ty)| Column::new(*name, *ty)));
        unique_names(&mut columns);
        let places: Vec<Option<usize>> = PROFILE.iter().map(|(name, _)| known(name)).collect();
        let hashes: Vec<usize> = ["SHA1", "SHA256", "MD5"].iter().filter_map(|name| known(name)).collect();
        let mut asked: HashSet<Arc<str>> = HashSet::new();
        let mut rows = Vec::with_capacity(frame.rows.len());
        for row in frame.rows {
            let hash: Arc<str> = Arc::from(cell(&row, key).as_str().unwrap_or_default().to_lowercase());
            let asks = !hash.is_empty() && (asked.contains(&hash) || asked.len() < limit);
            let found = profiles.rows.iter().filter(|_| asks).find(|profile| {
                let same = |at: &usize| {
                    cell(profile, *at).as_str().is_some_and(|known| known.eq_ignore_ascii_case(&hash))
                };
                hashes.iter().any(same)
            });
            if asks {
                asked.insert(Arc::clone(&hash));
            }
            let mut row = Rc::unwrap_or_clone(row);
            for ((name, ty), place) in PROFILE.iter().zip(&places) {
                let given = place.and_then(|place| found.and_then(|profile| profile.get(place)));
                row.push(match given {
                    Some(value) if !value.is_null() => crate::kql::eval::convert::convert(value, *ty),
                    _ if *name == "ProfileAvailability" && found.is_some() => Value::string("Available"),
                    _ if *name == "ProfileAvailability" && asks => Value::string("Missing"),
                    _ => Value::missing(*ty),
                });
            }
            rows.push(Rc::new(row));
        }
        Ok(Frame { columns: Rc::new(columns), rows, open: frame.open })
    }
}

/// The columns that `FileProfile()` adds.
const PROFILE: [(&str, ScalarType); 18] = [
    ("SHA1", ScalarType::String),
    ("SHA256", ScalarType::String),
    ("MD5", ScalarType::String),
    ("FileSize", ScalarType::Long),
    ("GlobalPrevalence", ScalarType::Long),
    ("GlobalFirstSeen", ScalarType::DateTime),
    ("GlobalLastSeen", ScalarType::DateTime),
    ("Signer", ScalarType::String),
    ("Issuer", ScalarType::String),
    ("SignerHash", ScalarType::String),
    ("IsCertificateValid", ScalarType::Bool),
    ("IsRootSignerMicrosoft", ScalarType::Bool),
    ("SignatureState", ScalarType::String),
    ("IsExecutable", ScalarType::Bool),
    ("ThreatName", ScalarType::String),
    ("Publisher", ScalarType::String),
    ("SoftwareName", ScalarType::String),
    ("ProfileAvailability", ScalarType::String),
];

/// Adds the columns that a condition names where a side may have more than are known.
fn expect(condition: &Expr, left: &mut Frame, right: &mut Frame) {
    match &condition.kind {
        ExprKind::Paren(inner) => expect(inner, left, right),
        ExprKind::Chain(chain) => {
            expect(&chain.first, left, right);
            chain.rest.iter().for_each(|link| expect(&link.operand, left, right));
        }
        ExprKind::Binary(binary) => {
            expect(&binary.left, left, right);
            expect(&binary.right, left, right);
        }
        ExprKind::Name(name) => {
            left.expect(&name.text);
            right.expect(&name.text);
        }
        ExprKind::Path(path) => {
            let (ExprKind::Name(side), Some(column)) = (&path.base.kind, selected(&path.selector)) else {
                return;
            };
            match &*side.text {
                "$left" => left.expect(column),
                "$right" => right.expect(column),
                _ => None,
            };
        }
        _ => {}
    }
}

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

/// The keys of one condition: `a`, `$left.a == $right.b`, or several joined by `and`.
fn pairs<'a>(
    condition: &'a Expr,
    compiler: &Compiler<'_, 'a>,
    left: &Frame,
    right: &Frame,
    keys: &mut Vec<Pair>,
) -> Result<(), Fault> {
    match &condition.kind {
        ExprKind::Paren(inner) => return pairs(inner, compiler, left, right, keys),
        ExprKind::Chain(chain) if chain.rest.iter().all(|link| link.op == ChainOp::And) => {
            pairs(&chain.first, compiler, left, right, keys)?;
            for link in &chain.rest {
                pairs(&link.operand, compiler, left, right, keys)?;
            }
            return Ok(());
        }
        ExprKind::Binary(binary) if binary.op == BinaryOp::Equal => {
            let sides = (compiler.compile(&binary.left)?.node, compiler.compile(&binary.right)?.node);
            match sides {
                (Node::Column(left), Node::Right(right)) | (Node::Right(right), Node::Column(left)) => {
                    keys.push((left, right));
                    return Ok(());
                }
                _ => {}
            }
        }
        ExprKind::Name(name) => {
            let missing = |side: &str| {
                let message = format!("the {side} side of the join has no column '{}'", name.text);
                compiler.scope.failed(message, name.span)
            };
            let ours = left.position(&name.text).ok_or_else(|| missing("left"))?;
            let theirs = right.position(&name.text).ok_or_else(|| missing("right"))?;
            keys.push((ours, theirs));
            return Ok(());
        }
        _ => {}
    }
    Err(compiler
        .scope
        .failed("a join matches on a column of both sides, or on $left.a == $right.b", condition.span))
}

/// The key of a row.
fn key_of(row: &[Value], columns: &[usize]) -> Key {
    Key(columns.iter().map(|&column| cell(row, column).clone()).collect())
}

fn glue(left: &[Value], right: &[Value], skipped: &[usize]) -> Row {
    let mut row = Vec::with_capacity(left.len() + right.len());
    row.extend_from_slice(left);
    if skipped.is_empty() {
        row.extend_from_slice(right);
    } else {
        let kept = right.iter().enumerate().filter(|(index, _)| !skipped.contains(index));
        row.extend(kept.map(|(_, value)| value.clone()));
    }
    Rc::new(row)
}

/// A name that was there already gets a number: `Computer1`.
pub(super) fn unique_names(columns: &mut [Column]) {
    let mut taken: HashSet<Arc<str>> = columns.iter().map(|column| Arc::clone(&column.name)).collect();
    let mut seen: HashSet<Arc<str>> = HashSet::with_capacity(columns.len());
    for column in columns {
        if seen.insert(Arc::clone(&column.name)) {
            continue;
        }
        let mut number = 1u32;
        let free = loop {
            let name: Arc<str> = Arc::from(format!("{}{number}", column.name));
            if !taken.contains(&name) {
                break name;
            }
            number = number.saturating_add(1);
        };
        taken.insert(Arc::clone(&free));
        seen.insert(Arc::clone(&free));
        column.name = free;
    }
}
