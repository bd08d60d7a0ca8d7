//! `evaluate`: the plugins that detections use. Columns may depend on the data, as in the service.
//!
//! Documentation: "bag_unpack plugin", "pivot plugin", "narrow plugin", "ipv4_lookup plugin".

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::kql::eval::compile::Compiler;
use crate::kql::eval::convert::{convert, to_text};
use crate::kql::eval::frame::{Frame, cell};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::{At, Node, Typed};
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::{Dynamic, Value};
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{Call, Evaluate, Expr, ExprKind};
use crate::kql::types::ScalarType;

impl<'a> Run<'a> {
    pub(super) fn evaluate_plugin(
        &self,
        evaluate: &'a Evaluate,
        mut frame: Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let ExprKind::Call(call) = &evaluate.call.kind else {
            return Err(scope.failed("a plugin is expected", span));
        };
        for argument in &call.arguments {
            if let (ExprKind::Name(name), true) = (&argument.kind, frame.open)
                && scope.find(&name.text).is_none()
            {
                frame.expect(&name.text);
            }
        }
        let made = match &*call.name.text {
            "bag_unpack" => self.bag_unpack(call, &frame, scope)?,
            "pivot" => self.pivot(call, &frame, scope, span)?,
            "narrow" => {
                self.context.hold(frame.rows.len().saturating_mul(frame.columns.len()), 3)?;
                narrow(&frame)
            }
            "ipv4_lookup" | "ipv6_lookup" => self.ip_lookup(call, &frame, scope, span)?,
            "identity" => frame,
            other => return Err(scope.not_evaluated(format!("evaluate {other}()"), call.name.span)),
        };
        let Some(schema) = &evaluate.schema else { return Ok(made) };
        let declared = self.declared(&schema.columns, scope)?;
        let mut columns: Vec<Column> = Vec::new();
        if schema.star {
            let own = |column: &&Column| !declared.iter().any(|known| known.name == column.name);
            columns.extend(made.columns.iter().filter(own).cloned());
        }
        columns.extend(declared);
        let places: Vec<Option<usize>> = columns.iter().map(|column| made.position(&column.name)).collect();
        let rows = made.rows.iter().map(|row| {
            let cells = columns.iter().zip(&places).map(|(column, place)| match place {
                Some(place) => convert(cell(row, *place), column.ty),
                None => Value::missing(column.ty),
            });
            cells.collect()
        });
        let rows = rows.collect();
        Ok(Frame::new(columns, rows))
    }

    fn column_argument(
        &self,
        argument: Option<&'a Expr>,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<usize, Fault> {
        let Some(argument) = argument else { return Err(scope.failed("a column is expected", span)) };
        match Compiler::over(self, scope, frame).compile(argument)?.node {
            Node::Column(index) => Ok(index),
            _ => Err(scope.failed("a column is expected", argument.span)),
        }
    }

    /// Slots of bags become columns, in the order of their names.
    fn bag_unpack(&self, call: &'a Call, frame: &Frame, scope: &Scope<'a>) -> Result<Frame, Fault> {
        let span = call.name.span;
        let source = self.column_argument(call.arguments.first(), frame, scope, span)?;
        let compiler = Compiler::constants(self, scope);
        let mut prefix = String::new();
        let mut conflict = "error".to_owned();
        let mut ignored: Vec<Arc<str>> = Vec::new();
        for (place, argument) in call.arguments.iter().enumerate().skip(1) {
            let (name, value) = match &argument.kind {
                ExprKind::Named(named) => (named.names.first().map_or("", |name| &*name.text), &named.value),
                _ => (
                    ["", "OutputColumnPrefix", "columnsConflict", "ignoredProperties"]
                        .get(place)
                        .copied()
                        .unwrap_or(""),
                    argument,
                ),
            };
            let value = compiler.constant(value)?.0;
            match name {
                "columnsConflict" => value.as_str().unwrap_or("error").clone_into(&mut conflict),
                "ignoredProperties" => {
                    if let Some(Dynamic::Array(items)) = value.as_dynamic() {
                        ignored.extend(items.iter().filter_map(|item| match item {
                            Dynamic::String(text) => Some(Arc::clone(text)),
                            _ => None,
                        }));
                    }
                }
                _ => value.as_str().unwrap_or_default().clone_into(&mut prefix),
            }
        }
        let mut types: BTreeMap<Arc<str>, ScalarType> = BTreeMap::new();
        for row in &frame.rows {
            let Some(Dynamic::Bag(members)) = cell(row, source).as_dynamic() else { continue };
            for (key, value) in members {
                let ty = slot_type(value);
                if ignored.contains(key) || ty == ScalarType::Unknown {
                    continue;
                }
                let known = types.entry(Arc::clone(key)).or_insert(ty);
                if *known != ty {
                    *known = ScalarType::Dynamic;
                }
            }
        }
        let kept: Vec<usize> = (0..frame.columns.len()).filter(|index| *index != source).collect();
        let base = super::reshape::select(frame, &kept);
        let mut columns = base.columns.to_vec();
        let mut places: Vec<(Arc<str>, usize, ScalarType)> = Vec::new();
        for (key, ty) in types {
            let name = format!("{prefix}{key}");
            match columns.iter().position(|column| *column.name == *name) {
                Some(place) if conflict == "replace_source" => {
                    if let Some(column) = columns.get_mut(place) {
                        column.ty = ty;
                    }
                    places.push((key, place, ty));
                }
                Some(_) if conflict == "keep_source" => {}
                Some(_) => {
                    let message = format!("bag_unpack() gives a column '{name}', which is there already");
                    return Err(scope.failed(message, span));
                }
                None => {
                    self.context.spend(columns.len() as u64, scope.place(span))?;
                    places.push((key, columns.len(), ty));
                    columns.push(Column::new(name, ty));
                }
            }
        }
        self.context.hold(frame.rows.len(), columns.len())?;
        self.context.spend(frame.rows.len().saturating_mul(places.len()) as u64, scope.place(span))?;
        let rows = base.rows.iter().zip(&frame.rows).map(|(row, whole)| {
            let mut cells = row.to_vec();
            cells.extend(columns.iter().skip(row.len()).map(|column| Value::missing(column.ty)));
            if let Some(bag @ Dynamic::Bag(_)) = cell(whole, source).as_dynamic() {
                for (key, place, ty) in &places {
                    if let Some(cell) = cells.get_mut(*place) {
                        *cell = match bag.member(key) {
                            Some(value) => convert(&Value::dynamic(value.clone()), *ty),
                            None => Value::missing(*ty),
                        };
                    }
                }
            }
            Rc::new(cells)
        });
        let rows = rows.collect();
        // Bags of other events may have other slots.
        Ok(Frame { columns: Rc::new(columns), rows, open: true })
    }

    fn pivot(&self, call: &'a Call, frame: &Frame, scope: &Scope<'a>, span: Span) -> Result<Frame, Fault> {
        let source = self.column_argument(call.arguments.first(), frame, scope, span)?;
        let compiler = Compiler::over(self, scope, frame);
        let found = RefCell::new(Vec::new());
        let outer = Compiler { columns: false, aggregates: Some(&found), ..compiler.clone() };
        let is_aggregate = |arg: &Expr| matches!(arg.kind, ExprKind::Call(_));
        let aggregate = call.arguments.get(1).filter(|arg| is_aggregate(arg));
        let (value, aggregated) = match aggregate {
            Some(argument) => {
                let value = outer.compile(argument)?;
                let of = match &argument.kind {
                    ExprKind::Call(inner) => inner.arguments.first().and_then(|arg| {
                        match compiler.compile(arg).map(|typed| typed.node) {
                            Ok(Node::Column(index)) => Some(index),
                            _ => None,
                        }
                    }),
                    _ => None,
                };
                (value, of)
            }
            None => (outer.aggregated("count", Vec::new(), ScalarType::Long, &found, span)?, None),
        };
        let found = found.into_inner();
        let mut by = Vec::new();
        for argument in call.arguments.iter().skip(1 + usize::from(aggregate.is_some())) {
            by.push(self.column_argument(Some(argument), frame, scope, span)?);
        }
        if by.is_empty() {
            by.extend((0..frame.columns.len()).filter(|i| *i != source && Some(*i) != aggregated));
        }
        let keys: Vec<Typed> = by.iter().map(|&index| Typed::column(index, frame.ty(index))).collect();
        let mut names: Vec<Arc<str>> = frame.rows.iter().map(|row| to_text(cell(row, source))).collect();
        names.sort();
        names.dedup();
        let mut columns: Vec<Column> = by.iter().filter_map(|&i| frame.columns.get(i).cloned()).collect();
        columns.extend(names.iter().map(|name| Column { name: Arc::clone(name), ty: value.ty }));
        super::join::unique_names(&mut columns);
        let mut rows = Vec::new();
        let mut groups = self.grouped(frame, &keys, scope.place(span))?;
        if keys.is_empty() {
            groups = vec![(Vec::new(), (0..frame.rows.len()).collect())];
        }
        self.context.hold(groups.len(), columns.len())?;
        for (mut cells, members) in groups {
            for name in &names {
                self.context.spend(members.len() as u64 + 1, scope.place(span))?;
                let own: Vec<usize> = members
                    .iter()
                    .copied()
                    .filter(|&i| frame.rows.get(i).is_some_and(|row| to_text(cell(row, source)) == *name))
                    .collect();
                let results = self.aggregate(&found, &frame.rows, &own)?;
                cells.push(value.value(At::new(&results, 0, &self.context))?);
            }
            rows.push(cells);
        }
        Ok(Frame { open: true, ..Frame::new(columns, rows) })
    }

    /// Rows joined with those of a table of networks that hold their address.
    fn ip_lookup(
        &self,
        call: &'a Call,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let [table, source, key, rest @ ..] = call.arguments.as_slice() else {
            return Err(scope.failed("a table and two columns are expected", span));
        };
        let right = self.table(table, scope)?;
        let source = self.column_argument(Some(source), frame, scope, span)?;
        let key = self.column_argument(Some(key), &right, scope, span)?;
        let mut extra: Vec<(usize, usize)> = Vec::new();
        let mut unmatched = false;
        for argument in rest {
            match &argument.kind {
                ExprKind::Named(named) => {
                    unmatched =
                        Compiler::constants(self, scope).constant(&named.value)?.0.as_bool() == Some(true);
                }
                ExprKind::Literal(_) => {
                    unmatched =
                        Compiler::constants(self, scope).constant(argument)?.0.as_bool() == Some(true);
                }
                _ => extra.push((
                    self.column_argument(Some(argument), frame, scope, span)?,
                    self.column_argument(Some(argument), &right, scope, span)?,
                )),
            }
        }
        let function =
            if &*call.name.text == "ipv4_lookup" { "ipv4_is_in_range" } else { "ipv6_is_in_range" };
        let compiler = Compiler { right: Some(&right), ..Compiler::over(self, scope, frame) };
        let address = Typed::column(source, ScalarType::String);
        let network = Typed { ty: ScalarType::String, height: 0, node: Node::Right(key) };
        let inside = compiler.apply(function, vec![address, network], ScalarType::Bool, span)?;
        let left_out: Vec<usize> = extra.iter().map(|(_, right)| *right).collect();
        let kept: Vec<usize> = (0..right.columns.len()).filter(|index| !left_out.contains(index)).collect();
        let mut columns = frame.columns.to_vec();
        columns.extend(kept.iter().filter_map(|&index| right.columns.get(index).cloned()));
        super::join::unique_names(&mut columns);
        let blank = right.blank();
        let glue = |row: &[Value], other: &[Value]| {
            let mut cells = row.to_vec();
            cells.extend(kept.iter().map(|&index| cell(other, index).clone()));
            Rc::new(cells)
        };
        let mut rows = Vec::new();
        for (index, row) in frame.rows.iter().enumerate() {
            self.context.spend(right.rows.len() as u64, scope.place(span))?;
            let mut found = false;
            for other in &right.rows {
                let at = At { right: other, ..At::new(row, index, &self.context) };
                let same = extra
                    .iter()
                    .all(|&(l, r)| crate::kql::eval::compare::grouped(cell(row, l), cell(other, r)));
                if same && inside.holds(at)? {
                    found = true;
                    self.context.hold(1, columns.len())?;
                    rows.push(glue(row, other));
                }
            }
            if !found && unmatched {
                rows.push(glue(row, &blank));
            }
        }
        Ok(Frame { columns: Rc::new(columns), rows, open: frame.open || right.open })
    }
}

/// One row for each cell.
fn narrow(frame: &Frame) -> Frame {
    let columns = [("Row", ScalarType::Long), ("Column", ScalarType::String), ("Value", ScalarType::String)];
    let mut rows = Vec::new();
    for (row, number) in frame.rows.iter().zip(0i64..) {
        for (value, column) in row.iter().zip(frame.columns.iter()) {
            rows.push(vec![
                Value::Long(number),
                Value::String(Arc::clone(&column.name)),
                Value::String(to_text(value)),
            ]);
        }
    }
    Frame::new(columns.iter().map(|(name, ty)| Column::new(*name, *ty)).collect(), rows)
}

/// The type of an unpacked slot; unknown for null, which says nothing.
fn slot_type(value: &Dynamic) -> ScalarType {
    match value {
        Dynamic::Null => ScalarType::Unknown,
        Dynamic::Bool(_) => ScalarType::Bool,
        Dynamic::Long(_) => ScalarType::Long,
        Dynamic::Real(_) => ScalarType::Real,
        Dynamic::String(_) => ScalarType::String,
        Dynamic::DateTime(_) => ScalarType::DateTime,
        Dynamic::TimeSpan(_) => ScalarType::TimeSpan,
        Dynamic::Guid(_) => ScalarType::Guid,
        Dynamic::Array(_) | Dynamic::Bag(_) => ScalarType::Dynamic,
    }
}
