//! Which exclusions of a query become entries, in which slot, and why the others stay.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::logic::says_what_happened;
use super::{Kept, List, Terms};
use crate::compile::slot::Slot;
use crate::compile::tuning::{Place, Run, Step, runs};
use crate::kql::bind::{Bound, RowSchema, bind};
use crate::kql::exclusion::{
    Alternative, Comparison, Constant, Lets, Operator, conjuncts, constants, excluded, is_exclusion,
};
use crate::kql::parser::Parse;
use crate::kql::schema::Schema;
use crate::kql::syntax::{Expr, ExprKind, StatementKind};
use crate::kql::types::ScalarType;
use crate::kql::{Span, TokenKind};

/// What to do with a query.
pub(super) struct Choice<'t> {
    /// Runs that lose something, in order.
    pub(super) runs: Vec<Chosen<'t>>,
    /// What stays.
    pub(super) kept: Vec<Kept>,
    /// `let` constants that only exclusions used that go: their statements.
    pub(super) lets: Vec<Span>,
}

/// A run with what goes.
pub(super) struct Chosen<'t> {
    pub(super) steps: Vec<Cut<'t>>,
    /// The slot's name.
    pub(super) slot: String,
    /// The slot is there already.
    pub(super) has_slot: bool,
    entries: Vec<Entry>,
}

/// The operands of a condition's `and`s, and whether each goes.
pub(super) type Operands<'t> = Vec<(&'t Expr, bool)>;

/// A step with the operands that go.
pub(super) struct Cut<'t> {
    pub(super) step: Step<'t>,
    pub(super) operands: Operands<'t>,
}

impl Choice<'_> {
    pub(super) fn lists(&self) -> Vec<List> {
        let list = |run: &Chosen<'_>| List { slot: run.slot.clone(), entries: run.entries.clone() };
        self.runs.iter().map(list).collect()
    }

    /// Everything stays after all.
    pub(super) fn kept_whole(&self, text: &str) -> Vec<Kept> {
        let operands = self.runs.iter().flat_map(|run| &run.steps).flat_map(|cut| &cut.operands);
        let gone = operands.filter(|(_, gone)| *gone);
        let why = "the query could not be written without it";
        let mut kept: Vec<Kept> = gone.map(|(expr, _)| kept(text, expr.span, why.to_owned())).collect();
        kept.extend(self.kept.iter().cloned());
        kept.sort_by_key(|kept| kept.line);
        kept
    }
}

/// Decides about every exclusion of a query without mistakes.
pub(super) fn choose<'t>(
    text: &str,
    parsed: &'t Parse,
    schemas: &[&Schema],
    taken: &[&str],
    terms: &Terms,
) -> Choice<'t> {
    let judge = Judge {
        text,
        bound: schemas.iter().map(|schema| (*schema, bind(parsed, text, schema))).collect(),
        lets: used_once(text, parsed),
        terms,
    };
    let (found, slots) = runs(text, parsed);
    let mut names: BTreeSet<String> = slots.iter().map(|slot| slot.name.clone()).collect();
    names.extend(taken.iter().map(|name| (*name).to_owned()));
    let mut choice = Choice { runs: Vec::new(), kept: Vec::new(), lets: Vec::new() };
    let mut used: BTreeSet<Box<str>> = BTreeSet::new();
    for run in found {
        let (entries, steps) = judge.run(&run, &mut choice.kept, &mut used);
        if entries.is_empty() {
            continue;
        }
        let there = run.slot.and_then(|index| slots.get(index));
        let slot = there.map_or_else(|| free(&mut names), |slot: &Slot| slot.name.clone());
        let steps = run.steps.into_iter().zip(steps).map(|(step, operands)| Cut { step, operands }).collect();
        choice.runs.push(Chosen { steps, slot, has_slot: there.is_some(), entries });
    }
    for statement in &parsed.query.statements {
        if let StatementKind::Let(declared) = &statement.kind
            && used.contains(&declared.name.text)
        {
            choice.lets.push(statement.span);
        }
    }
    choice.kept.sort_by_key(|kept| kept.line);
    choice
}

/// `main`, or the first `main-N` that is free.
fn free(names: &mut BTreeSet<String>) -> String {
    let mut name = "main".to_owned();
    for number in 2.. {
        if names.insert(name.clone()) {
            break;
        }
        name = format!("main-{number}");
    }
    name
}

/// `let` constants that one place uses: nothing else changes when they go with it.
fn used_once<'t>(text: &str, parsed: &'t Parse) -> Lets<'t> {
    let mut lets = constants(&parsed.query);
    lets.retain(|name, _| {
        let named =
            |token: &&crate::kql::Token| token.kind != TokenKind::Comment && token.text(text) == *name;
        parsed.tokens.iter().filter(named).count() == 2
    });
    lets
}

struct Judge<'a, 't> {
    text: &'a str,
    bound: Vec<(&'a Schema, Bound)>,
    lets: Lets<'t>,
    terms: &'a Terms,
}

impl Judge<'_, '_> {
    /// The entries of a run, and for each step its operands with whether they go.
    fn run<'t>(
        &self,
        run: &Run<'t>,
        stays: &mut Vec<Kept>,
        used: &mut BTreeSet<Box<str>>,
    ) -> (Vec<Entry>, Vec<Operands<'t>>) {
        let mut entries = Vec::new();
        let mut steps = Vec::new();
        for step in &run.steps {
            let mut operands = Operands::new();
            for operand in conjuncts(bare(step.condition)) {
                let gone = match self.operand(run, step, operand) {
                    Verdict::Goes(made, lets) => {
                        entries.extend(made);
                        used.extend(lets);
                        true
                    }
                    Verdict::Stays(why) => {
                        stays.push(kept(self.text, operand.span, why));
                        false
                    }
                    Verdict::NoExclusion => false,
                };
                operands.push((operand, gone));
            }
            steps.push(operands);
        }
        (entries, steps)
    }

    fn operand(&self, run: &Run<'_>, step: &Step<'_>, operand: &Expr) -> Verdict {
        let shaped = is_exclusion(operand);
        if !shaped && !step.marked {
            return Verdict::NoExclusion;
        }
        let alternatives = match excluded(self.text, operand, &self.lets) {
            Ok(alternatives) => alternatives,
            // What must be is the detection, wherever it stands.
            Err(unread) if unread.positive && !shaped => return Verdict::NoExclusion,
            Err(unread) if unread.span == operand.span => return Verdict::Stays(unread.why.to_owned()),
            Err(unread) => {
                return Verdict::Stays(format!("`{}`: {}", snippet(self.text, unread.span), unread.why));
            }
        };
        match self.provable(run, step, &alternatives) {
            Ok(entries) => {
                let lets = alternatives.into_iter().flatten().flat_map(|comparison| comparison.lets);
                Verdict::Goes(entries, lets.collect())
            }
            // `X != ""` asks for a value.
            Err(_) if asks_for_a_value(&alternatives) => Verdict::NoExclusion,
            Err(why) => Verdict::Stays(why),
        }
    }

    fn provable(
        &self,
        run: &Run<'_>,
        step: &Step<'_>,
        alternatives: &[Alternative],
    ) -> Result<Vec<Entry>, String> {
        if run.fixed {
            return Err(
                "a condition beside it looks at other rows or at chance, so it cannot be moved".to_owned()
            );
        }
        if run.place == Place::Other && !step.marked {
            return Err("it stands in a table that is subtracted, looked up or computed from".to_owned());
        }
        let comparisons = || alternatives.iter().flatten();
        if !step.marked
            && alternatives.iter().any(|all| all.iter().all(|one| says_what_happened(&one.column)))
            && let Some(logic) = comparisons().find(|one| says_what_happened(&one.column))
        {
            return Err(format!(
                "`{}` says what happened: it is the detection, not its tuning",
                logic.column
            ));
        }
        let at = step.operator.pipe.map_or(step.operator.span.start, |pipe| pipe.start);
        for (schema, bound) in &self.bound {
            let row =
                bound.row_schema_at(schema, at).ok_or_else(|| "its columns are not known".to_owned())?;
            comparisons().try_for_each(|comparison| has_column(&row, comparison))?;
        }
        alternatives.iter().map(|alternative| Entry::of(alternative, self.terms)).collect()
    }
}

enum Verdict {
    /// With the `let` constants that it names.
    Goes(Vec<Entry>, Vec<Box<str>>),
    Stays(String),
    NoExclusion,
}

fn asks_for_a_value(alternatives: &[Alternative]) -> bool {
    let empty = |constant: &Constant| matches!(constant, Constant::Text(text) if text.is_empty());
    alternatives.iter().all(|all| all.iter().all(|one| one.constants.iter().all(empty)))
}

/// The column is there, and of the type for which the comparison and the entry agree about empty cells too.
fn has_column(row: &RowSchema, comparison: &Comparison) -> Result<(), String> {
    let column = &*comparison.column;
    if comparison.lets.iter().any(|name| row.open || row.column(name).is_some()) {
        return Err("a column may have the name of its list".to_owned());
    }
    let Some(ty) = row.column(column) else {
        return Err(format!("`{column}` is no column that is known here"));
    };
    let fits = match comparison.constants.first() {
        _ if comparison.operator == Operator::InNetwork => ty == ScalarType::String,
        _ if comparison.text_only() => ty == ScalarType::String,
        Some(Constant::Whole(_)) => matches!(ty, ScalarType::Int | ScalarType::Long),
        Some(Constant::Truth(_)) => ty == ScalarType::Bool,
        _ => false,
    };
    if !fits {
        return Err(format!("`{column}` is {ty} here: what it says of a missing value is not certain"));
    }
    if comparison.nullable() {
        return Err(format!("`{column}` may be null, and what a list says of that is not certain"));
    }
    Ok(())
}

fn kept(text: &str, span: Span, why: String) -> Kept {
    let before = text.get(..span.start as usize).unwrap_or("");
    Kept { text: snippet(text, span), line: before.matches('\n').count() + 1, why }
}

/// The text on one line, shortened.
fn snippet(text: &str, span: Span) -> String {
    const MOST: usize = 100;
    let line = span.of(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST {
        return line;
    }
    line.chars().take(MOST - 1).chain(['…']).collect()
}

/// The expression inside parentheses.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Paren(inner) => bare(inner),
        _ => expr,
    }
}
