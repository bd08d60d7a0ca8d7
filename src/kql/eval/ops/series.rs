//! `make-series`: aggregates by bins of an axis, as arrays.
//!
//! Documentation: "make-series operator". Bins start at `from` and end before `to`; a bin without rows has the default,
//! 0 unless written.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::kql::eval::arithmetic;
use crate::kql::eval::compare::{Key, order};
use crate::kql::eval::compile::Compiler;
use crate::kql::eval::convert::convert;
use crate::kql::eval::frame::Frame;
use crate::kql::eval::project::{Output, Part, Projection, Style, item_name, parts, value_of};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::{At, Typed};
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::{Dynamic, Value};
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{ChainOp, MakeSeries, SeriesRange};
use crate::kql::types::ScalarType;

/// Longer series are refused by the service.
const MAX_BINS: usize = 1_048_576;

impl<'a> Run<'a> {
    pub(super) fn make_series(
        &self,
        series: &'a MakeSeries,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let compiler = Compiler::over(self, scope, frame);
        let mut projection = Projection::default();
        for item in &series.by {
            let parts = parts(&compiler, item)?;
            projection.item(&compiler, item, parts, Style::Default)?;
        }
        let keys: Vec<Typed> = projection.outputs.iter().map(|output| output.value.clone()).collect();
        let found = RefCell::new(Vec::new());
        let outer = Compiler { columns: false, aggregates: Some(&found), ..compiler.clone() };
        let mut values = Vec::new();
        for aggregate in &series.aggregates {
            let parts = self.aggregate_parts(&aggregate.expr, &compiler, &outer, &[])?;
            let default = match &aggregate.default {
                Some(default) => outer.constant(default)?.0,
                None => Value::Long(0),
            };
            for part in &parts {
                values.push((part.value.clone(), default.clone()));
            }
            let arrays = parts.into_iter().map(|part| Part { value: array(&part.value), ..part });
            projection.item(&outer, &aggregate.expr, arrays.collect(), Style::Default)?;
        }
        let axis = compiler.compile(value_of(&series.axis))?;
        let name = item_name(&compiler, &series.axis).unwrap_or_else(|| "Column1".to_owned());
        projection.add(Output { name: name.into(), value: array(&axis), source: None }, false);
        let found = found.into_inner();
        let columns: Vec<Column> = projection.columns();
        let range = self.axis(series, &axis, frame, scope, span)?;
        let mut groups = self.grouped(frame, &keys, scope.place(span))?;
        let nonempty = super::pipeline::word(&series.parameters, &["kind"]) == Some("nonempty");
        if groups.is_empty() && nonempty && keys.is_empty() {
            groups.push((Vec::new(), Vec::new()));
        }
        let mut rows = Vec::new();
        for (mut cells, members) in groups {
            self.context.spend(range.bins.len() as u64, scope.place(span))?;
            self.context.hold(range.bins.len(), values.len() + 1)?;
            let mut bins: HashMap<Key, Vec<usize>> = HashMap::new();
            for index in members {
                let Some(row) = frame.rows.get(index) else { continue };
                let value = axis.value(At::new(row, index, &self.context))?;
                if let Some(bin) = range.bin(&value) {
                    bins.entry(Key(vec![bin])).or_default().push(index);
                }
            }
            let mut lists: Vec<Vec<Dynamic>> = vec![Vec::with_capacity(range.bins.len()); values.len()];
            for bin in &range.bins {
                let own = bins.get(&Key(vec![bin.clone()]));
                let results = match own {
                    Some(own) => Some(self.aggregate(&found, &frame.rows, own)?),
                    None => None,
                };
                for ((value, default), list) in values.iter().zip(&mut lists) {
                    list.push(match &results {
                        Some(results) => value.value(At::new(results, 0, &self.context))?.into_dynamic(),
                        None => convert(default, value.ty).into_dynamic(),
                    });
                }
            }
            cells.extend(lists.into_iter().map(|list| Value::dynamic(Dynamic::Array(list))));
            let axis = range.bins.iter().map(|bin| bin.clone().into_dynamic()).collect();
            cells.push(Value::dynamic(Dynamic::Array(axis)));
            rows.push(cells);
        }
        Ok(Frame::new(columns, rows))
    }

    /// The bins that the operator asks for.
    fn axis(
        &self,
        series: &'a MakeSeries,
        axis: &Typed,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Axis, Fault> {
        let compiler = Compiler::constants(self, scope);
        let (from, to, step, inclusive) = match &series.range {
            SeriesRange::FromToStep { from, to, step } => {
                let bound = |bound: &'a Option<_>| match bound {
                    Some(bound) => compiler.constant(bound).map(|(value, _)| Some(value)),
                    None => Ok(None),
                };
                (bound(from)?, bound(to)?, compiler.constant(step)?.0, false)
            }
            SeriesRange::InRange(values) => match values.as_slice() {
                [from, to, step] => {
                    let step = compiler.constant(step)?.0;
                    let from = floor(&compiler.constant(from)?.0, &step);
                    (Some(from), Some(compiler.constant(to)?.0), step, true)
                }
                _ => return Err(scope.failed("range() takes three arguments", span)),
            },
        };
        let mut seen: Vec<Value> = Vec::new();
        for (index, row) in frame.rows.iter().enumerate() {
            let value = axis.value(At::new(row, index, &self.context))?;
            if !value.is_null() {
                seen.push(value);
            }
        }
        let least = || seen.iter().min_by(|a, b| order(a, b).unwrap_or(std::cmp::Ordering::Equal));
        let greatest = || seen.iter().max_by(|a, b| order(a, b).unwrap_or(std::cmp::Ordering::Equal));
        let start = match from {
            Some(from) => from,
            None => match least() {
                Some(least) => floor(least, &step),
                None => return Ok(Axis { bins: Vec::new(), step }),
            },
        };
        let end = match to {
            Some(to) => to,
            None => match greatest() {
                Some(greatest) => arithmetic::apply(ChainOp::Add, greatest, &step),
                None => return Ok(Axis { bins: Vec::new(), step }),
            },
        };
        let mut bins = self.steps(&start, &end, &step, axis.ty, scope, span)?;
        if !inclusive && bins.last().is_some_and(|last| order(last, &end).is_none_or(|order| !order.is_lt()))
        {
            bins.pop();
        }
        if bins.len() > MAX_BINS {
            return Err(Fault::Budget { what: "bins", limit: MAX_BINS as u64, span: scope.place(span) });
        }
        Ok(Axis { bins, step })
    }
}

/// The bins of a series.
struct Axis {
    bins: Vec<Value>,
    step: Value,
}

impl Axis {
    /// The bin of a value; `None` outside.
    fn bin(&self, value: &Value) -> Option<Value> {
        let at = self.bins.partition_point(|bin| order(bin, value).is_some_and(|order| !order.is_gt()));
        let bin = self.bins.get(at.checked_sub(1)?)?;
        let end = arithmetic::apply(ChainOp::Add, bin, &self.step);
        order(value, &end)?.is_lt().then(|| bin.clone())
    }
}

/// `bin(value, step)`
fn floor(value: &Value, step: &Value) -> Value {
    let rest = arithmetic::apply(ChainOp::Modulo, value, step);
    arithmetic::apply(ChainOp::Subtract, value, &rest)
}

fn array(value: &Typed) -> Typed {
    Typed { ty: ScalarType::Dynamic, ..value.clone() }
}
