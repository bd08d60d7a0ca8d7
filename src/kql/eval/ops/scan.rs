//! `scan`: rows one after the other, against the steps of a sequence.
//!
//! Documentation: "scan operator", matching logic. Each step holds at most one sequence: the last row that matched each step up to it. A
//! row is tried from the last step to the first: it takes the sequence of the step before over, or goes on in the sequence of
//! the step itself; at the first step it may begin a new one, which gets the next number. The same row may match several steps.

use std::rc::Rc;

use super::pipeline::word;
use crate::kql::eval::compile::{Compiler, declared_type};
use crate::kql::eval::convert::convert;
use crate::kql::eval::frame::Frame;
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::{At, Typed};
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::Value;
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{Scan, ScanStep};
use crate::kql::types::ScalarType;

/// The name of the column that holds what `step.column` means while a `scan` is evaluated; no query can write it.
pub(crate) fn state_column(step: &str, column: &str) -> String {
    format!("{step}\u{1f}{column}")
}

/// One sequence: for each step, the row that matched it last, with the declared columns.
#[derive(Clone)]
struct Sequence {
    id: i64,
    steps: Vec<Option<Vec<Value>>>,
}

/// A step, compiled.
struct Step {
    condition: Typed,
    /// Place among the declared columns, their type, the value.
    assignments: Vec<(usize, ScalarType, Typed)>,
    shown: bool,
}

impl<'a> Run<'a> {
    pub(super) fn scan(
        &self,
        scan: &'a Scan,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let known = |name: &str| name == "with_match_id" || name.starts_with("hint.");
        if let Some(other) = scan.parameters.iter().find(|parameter| !known(&parameter.name.text)) {
            return Err(scope.not_evaluated(format!("scan {}", other.name.text), other.name.span));
        }
        if !scan.order_by.is_empty() || !scan.partition_by.is_empty() {
            return Err(scope.not_evaluated("scan with its own order or partitions", span));
        }
        let (declared, defaults) = self.scan_columns(scan, frame, scope)?;
        let mut record = frame.columns.to_vec();
        record.extend(declared.iter().cloned());
        let states = scan.steps.iter().flat_map(|step| {
            let name = |column: &Column| state_column(&step.name.text, &column.name);
            record.iter().map(move |column| Column::new(name(column), column.ty))
        });
        let all: Vec<Column> = record.iter().cloned().chain(states).collect();
        let seen = Frame { open: frame.open, ..Frame::new(all, Vec::new()) };
        let compiler = Compiler::over(self, scope, &seen);
        let steps: Result<Vec<Step>, Fault> =
            scan.steps.iter().map(|step| compiled(step, &compiler, &declared)).collect();
        let steps = steps?;
        let mut blank = frame.blank();
        blank.extend(defaults);
        let mut rows = Vec::new();
        let mut ids = 0;
        let mut sequences: Vec<Option<Sequence>> = vec![None; steps.len()];
        for (index, row) in frame.rows.iter().enumerate() {
            self.context.spend(steps.len() as u64 + 1, scope.place(span))?;
            let mut current = row.to_vec();
            current.extend(blank.iter().skip(row.len()).cloned());
            for (place, step) in steps.iter().enumerate().rev() {
                let before = match place.checked_sub(1) {
                    Some(before) => sequences.get_mut(before).and_then(Option::take),
                    None => None,
                };
                let own = sequences.get(place).cloned().flatten();
                let fresh = (place == 0 && own.is_none())
                    .then(|| Sequence { id: ids, steps: vec![None; steps.len()] });
                let mut taken = None;
                // A sequence of the step before that does not go on here stays there.
                let mut stays = None;
                for (is_before, sequence) in [(true, before), (false, own.clone()), (false, fresh)] {
                    let Some(sequence) = sequence else { continue };
                    let visible = visible(&current, &sequence, &blank);
                    if let Some(made) = self.stepped(step, &current, &visible, index)? {
                        taken = Some((sequence, made));
                        break;
                    }
                    if is_before {
                        stays = Some(sequence);
                    }
                }
                if let (Some(_), Some(slot)) =
                    (&stays, place.checked_sub(1).and_then(|place| sequences.get_mut(place)))
                {
                    *slot = stays;
                }
                let Some((mut sequence, made)) = taken else { continue };
                if place == 0 && own.is_none() {
                    ids += 1;
                }
                if step.shown {
                    let mut shown = made.clone();
                    shown.push(Value::Long(sequence.id));
                    rows.push(shown);
                }
                if let Some(slot) = sequence.steps.get_mut(place) {
                    *slot = Some(made);
                }
                if let Some(slot) = sequences.get_mut(place) {
                    *slot = Some(sequence);
                }
            }
            self.context.check_rows(rows.len(), scope.place(span))?;
        }
        let width = match word(&scan.parameters, &["with_match_id"]) {
            Some(name) => {
                record.push(Column::new(name, ScalarType::Long));
                record.len()
            }
            None => record.len(),
        };
        rows.iter_mut().for_each(|row: &mut Vec<Value>| row.truncate(width));
        Ok(Frame { columns: Rc::new(record), open: frame.open, ..Frame::new(Vec::new(), rows) })
    }

    /// The declared columns and what they hold where no step assigned anything.
    fn scan_columns(
        &self,
        scan: &'a Scan,
        frame: &Frame,
        scope: &Scope<'a>,
    ) -> Result<(Vec<Column>, Vec<Value>), Fault> {
        let mut columns = Vec::new();
        let mut defaults = Vec::new();
        for parameter in &scan.declare {
            let name = &*parameter.name.text;
            if frame.position(name).is_some() {
                return Err(scope.failed(format!("there is a column '{name}' already"), parameter.span));
            }
            let ty = declared_type(&parameter.ty).unwrap_or(ScalarType::Unknown);
            defaults.push(match &parameter.default {
                Some(default) => convert(&Compiler::constants(self, scope).constant(default)?.0, ty),
                None => Value::missing(ty),
            });
            columns.push(Column::new(name, ty));
        }
        Ok((columns, defaults))
    }

    /// The row as the step makes it, if it matches.
    fn stepped(
        &self,
        step: &Step,
        current: &[Value],
        visible: &[Value],
        index: usize,
    ) -> Result<Option<Vec<Value>>, Fault> {
        let at = At::new(visible, index, &self.context);
        if !step.condition.holds(at)? {
            return Ok(None);
        }
        let mut made = current.to_vec();
        for (place, ty, value) in &step.assignments {
            if let Some(cell) = made.get_mut(*place) {
                *cell = convert(&value.value(at)?, *ty);
            }
        }
        Ok(Some(made))
    }
}

fn compiled<'a>(step: &'a ScanStep, compiler: &Compiler<'_, 'a>, declared: &[Column]) -> Result<Step, Fault> {
    let scope = &compiler.scope;
    if step.optional {
        return Err(scope.not_evaluated("scan with optional steps", step.span));
    }
    let shown = match step.output.as_ref().map(|output| &*output.text) {
        None | Some("all") => true,
        Some("none") => false,
        Some(other) => return Err(scope.not_evaluated(format!("scan output={other}"), step.span)),
    };
    let width = compiler.rows.map_or(0, |rows| rows.frame.columns.len());
    let record =
        compiler.rows.and_then(|rows| rows.frame.columns.iter().position(|c| c.name.contains('\u{1f}')));
    let first = record.unwrap_or(width).saturating_sub(declared.len());
    let mut assignments = Vec::new();
    for (name, value) in &step.assignments {
        let Some(place) = declared.iter().position(|column| *column.name == *name.text) else {
            return Err(scope.failed(format!("'{}' is not declared", name.text), name.span));
        };
        let ty = declared.get(place).map_or(ScalarType::Unknown, |column| column.ty);
        assignments.push((first + place, ty, compiler.compile(value)?));
    }
    Ok(Step { condition: compiler.condition(&step.predicate)?, assignments, shown })
}

/// What a step sees: the row at hand, then the rows of the sequence.
fn visible(current: &[Value], sequence: &Sequence, blank: &[Value]) -> Vec<Value> {
    let mut visible = current.to_vec();
    for step in &sequence.steps {
        visible.extend_from_slice(step.as_deref().unwrap_or(blank));
    }
    visible
}
