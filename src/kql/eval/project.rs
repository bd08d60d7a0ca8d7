//! How a list of expressions becomes columns: the rules of `bind::projection`, on compiled expressions.
//!
//! A named column, or a bare one, is *declared*; any other gets a number if its name is taken: `Column1`, `count_1`.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::compile::Compiler;
use super::frame::{Frame, Row};
use super::scalar::{At, Node, Spread, Typed};
use super::{Column, Fault};
use crate::kql::builtins::{BuiltinKind, builtins};
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind, Named};
use crate::kql::types::ScalarType;

/// Which operator is making columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Default,
    /// A column of a taken name replaces it.
    Extend,
    /// Unnamed columns are `print_0`, `print_1`.
    Print(usize),
}

/// A column to be computed.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) name: Arc<str>,
    pub(crate) value: Typed,
    /// The column of the input that it is, unchanged.
    pub(crate) source: Option<usize>,
}

/// One of the columns that an expression gives: its name where the expression says it.
pub(crate) struct Part {
    pub(crate) name: Option<String>,
    pub(crate) value: Typed,
    pub(crate) source: Option<usize>,
}

/// Columns being collected.
#[derive(Default)]
pub(crate) struct Projection {
    pub(crate) outputs: Vec<Output>,
    /// The last number appended to a name.
    suffixes: Vec<(Arc<str>, u32)>,
    declared: HashSet<Arc<str>>,
    /// Columns of the input that are not added a second time, by their place.
    skip: Vec<bool>,
    next_column: u32,
}

impl Projection {
    /// Starts with the columns of the input.
    pub(crate) fn starting_with(frame: &Frame) -> Projection {
        let outputs = frame.columns.iter().enumerate().map(|(index, column)| Output {
            name: Arc::clone(&column.name),
            value: Typed::column(index, column.ty),
            source: Some(index),
        });
        Projection {
            outputs: outputs.collect(),
            skip: vec![true; frame.columns.len()],
            ..Projection::default()
        }
    }

    /// What is there now is not added again.
    pub(crate) fn skip_present(&mut self) {
        let sources: Vec<usize> = self.outputs.iter().filter_map(|output| output.source).collect();
        sources.into_iter().for_each(|source| self.skip(source));
    }

    fn skip(&mut self, source: usize) {
        if self.skip.len() <= source {
            self.skip.resize(source.saturating_add(1), false);
        }
        if let Some(skipped) = self.skip.get_mut(source) {
            *skipped = true;
        }
    }

    fn is_skipped(&self, source: Option<usize>) -> bool {
        source.is_some_and(|source| self.skip.get(source) == Some(&true))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|output| &*output.name == name)
    }

    /// Adds a column; a taken name gets a number.
    pub(crate) fn add(&mut self, output: Output, replace: bool) {
        if output.name.is_empty() || self.is_skipped(output.source) {
            return;
        }
        match self.position(&output.name) {
            Some(index) if replace => {
                if let Some(place) = self.outputs.get_mut(index) {
                    *place = output;
                }
            }
            Some(_) => {
                let name = self.free_name(&output.name);
                self.outputs.push(Output { name, source: None, ..output });
            }
            None => self.outputs.push(output),
        }
    }

    fn free_name(&mut self, name: &Arc<str>) -> Arc<str> {
        let known = self.suffixes.iter().position(|(known, _)| known == name);
        let mut suffix = known.and_then(|index| self.suffixes.get(index)).map_or(0, |(_, suffix)| *suffix);
        let free = loop {
            suffix = suffix.saturating_add(1);
            let candidate = format!("{name}{suffix}");
            if self.position(&candidate).is_none() {
                break candidate;
            }
        };
        match known.and_then(|index| self.suffixes.get_mut(index)) {
            Some(entry) => entry.1 = suffix,
            None => self.suffixes.push((Arc::clone(name), suffix)),
        }
        Arc::from(free)
    }

    /// Adds a column under a name that the query spells out.
    pub(crate) fn declare(&mut self, output: Output, replace: bool) {
        if self.declared.contains(&output.name) {
            // The binder refuses this; the first one stays.
            return;
        }
        self.declared.insert(Arc::clone(&output.name));
        match self.position(&output.name) {
            Some(index) if replace => {
                if let Some(place) = self.outputs.get_mut(index) {
                    *place = output;
                }
            }
            _ => self.add(output, false),
        }
    }

    /// Adds the columns of one item.
    pub(crate) fn item<'a>(
        &mut self,
        compiler: &Compiler<'_, 'a>,
        item: &'a Expr,
        parts: Vec<Part>,
        style: Style,
    ) -> Result<(), Fault> {
        let replace = style == Style::Extend;
        match &item.kind {
            ExprKind::Star => {
                for part in parts {
                    let name = Arc::from(part.name.unwrap_or_default());
                    self.add(Output { name, value: part.value, source: part.source }, true);
                }
            }
            ExprKind::Named(named) if named.list => self.list(compiler, named, parts, style)?,
            ExprKind::Named(named) => {
                let name: Arc<str> = Arc::from(named.names.first().map_or("", |name| &name.text));
                let mut parts = parts.into_iter();
                let Some(first) = parts.next() else { return Ok(()) };
                let source = first.source;
                let several = parts.len() > 0;
                self.declare(Output { name, value: first.value, source: None }, replace || several);
                // The column itself does not come a second time behind its new name.
                if let Some(source) = source.filter(|_| several) {
                    self.skip(source);
                }
                if !matches!(style, Style::Print(_)) {
                    parts.for_each(|part| self.part(part, replace));
                }
            }
            _ => self.unnamed(compiler, item, parts, style),
        }
        Ok(())
    }

    fn part(&mut self, part: Part, replace: bool) {
        let name = Arc::from(part.name.unwrap_or_default());
        self.add(Output { name, value: part.value, source: part.source }, replace);
    }

    /// `(a, b) = f(...)`
    fn list<'a>(
        &mut self,
        compiler: &Compiler<'_, 'a>,
        named: &'a Named,
        parts: Vec<Part>,
        style: Style,
    ) -> Result<(), Fault> {
        let replace = style == Style::Extend;
        let mut names = named.names.iter();
        for part in parts {
            match names.next() {
                Some(name) => {
                    let output = Output { name: Arc::from(&*name.text), value: part.value, source: None };
                    self.declare(output, replace);
                    if let Some(source) = part.source {
                        self.skip(source);
                    }
                }
                None if !matches!(style, Style::Print(_)) => self.part(part, replace),
                None => {}
            }
        }
        match names.next() {
            Some(surplus) => Err(compiler.scope.failed("there is no value for this name", surplus.span)),
            None => Ok(()),
        }
    }

    fn unnamed<'a>(&mut self, compiler: &Compiler<'_, 'a>, item: &'a Expr, parts: Vec<Part>, style: Style) {
        let replace = style == Style::Extend;
        if let Style::Print(index) = style {
            if let Some(first) = parts.into_iter().next() {
                let name = Arc::from(format!("print_{index}"));
                self.add(Output { name, value: first.value, source: None }, false);
            }
            return;
        }
        if let [Part { name: None, .. }] = parts.as_slice() {
            for part in parts {
                let bare = part.source.filter(|_| is_bare(item));
                if let Some(source) = bare {
                    let name = compiler.rows.and_then(|rows| rows.frame.columns.get(source));
                    let name = name.map_or_else(|| Arc::from(""), |column| Arc::clone(&column.name));
                    let output = Output { name, value: part.value, source: Some(source) };
                    self.declare(output, replace);
                    continue;
                }
                let name = item_name(compiler, item);
                let name = name.unwrap_or_else(|| self.default_name(compiler, replace));
                self.add(Output { name: Arc::from(name), value: part.value, source: None }, replace);
            }
            return;
        }
        for part in parts {
            self.part(part, false);
        }
    }

    /// `Column1`, `Column2`…: the next that means nothing else here.
    fn default_name(&mut self, compiler: &Compiler<'_, '_>, include_row: bool) -> String {
        loop {
            self.next_column = self.next_column.saturating_add(1);
            let name = format!("Column{}", self.next_column);
            let in_row =
                include_row && compiler.rows.is_some_and(|rows| rows.frame.position(&name).is_some());
            if !in_row && compiler.scope.find(&name).is_none() {
                return name;
            }
        }
    }

    /// The columns of the result.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let column = |output: &Output| Column { name: Arc::clone(&output.name), ty: output.value.ty };
        self.outputs.iter().map(column).collect()
    }

    /// Every output computed on every row. Rows of the input that only this frame has are changed in place where most of
    /// their columns stay.
    pub(crate) fn run(
        self,
        frame: Frame,
        compiler_context: &super::call::Context,
        span: Span,
    ) -> Result<Frame, Fault> {
        compiler_context.spend(frame.rows.len() as u64 + 1, span)?;
        let columns = self.columns();
        let kept = frame.columns.len();
        let extends = self.outputs.len() >= kept
            && self.outputs.iter().take(kept).enumerate().filter(|(i, o)| stays(o, *i)).count() * 2 >= kept;
        let rows = if extends {
            self.extended(frame.rows, kept, compiler_context)?
        } else {
            self.computed(&frame.rows, compiler_context)?
        };
        Ok(Frame { columns: Rc::new(columns), rows, open: frame.open })
    }

    fn computed(&self, rows: &[Row], context: &super::call::Context) -> Result<Vec<Row>, Fault> {
        let mut made = Vec::with_capacity(rows.len());
        context.hold(rows.len(), self.outputs.len())?;
        for (index, row) in rows.iter().enumerate() {
            let at = At::new(row, index, context);
            let mut cells = Vec::with_capacity(self.outputs.len());
            for output in &self.outputs {
                cells.push(output.value.kept(at)?);
            }
            made.push(Rc::new(cells));
        }
        Ok(made)
    }

    fn extended(
        &self,
        mut rows: Vec<Row>,
        kept: usize,
        context: &super::call::Context,
    ) -> Result<Vec<Row>, Fault> {
        let changed: Vec<(usize, &Typed)> = self
            .outputs
            .iter()
            .enumerate()
            .filter(|(index, output)| *index >= kept || !stays(output, *index))
            .map(|(index, output)| (index, &output.value))
            .collect();
        let copied = rows.iter().filter(|row| Rc::strong_count(row) > 1).count();
        context.hold(rows.len(), changed.len())?;
        context.hold(copied, kept)?;
        for (index, row) in rows.iter_mut().enumerate() {
            let at = At::new(row, index, context);
            let mut values = Vec::with_capacity(changed.len());
            for (place, value) in &changed {
                values.push((*place, value.kept(at)?));
            }
            let cells = Rc::make_mut(row);
            cells.reserve(self.outputs.len().saturating_sub(kept));
            for (place, value) in values {
                match cells.get_mut(place) {
                    Some(cell) => *cell = value,
                    None => cells.push(value),
                }
            }
        }
        Ok(rows)
    }
}

fn stays(output: &Output, index: usize) -> bool {
    matches!(output.value.node, Node::Column(column) if column == index)
}

/// A column by its bare name, or `tostring(x)` of a string, which is the column itself.
fn is_bare(item: &Expr) -> bool {
    match &item.kind {
        ExprKind::Name(_) | ExprKind::Call(_) => true,
        ExprKind::Path(path) => matches!(&path.base.kind, ExprKind::Name(base) if base.text.starts_with('$')),
        ExprKind::Paren(inner) => is_bare(inner),
        ExprKind::Bracketed(_) => true,
        _ => false,
    }
}

/// The name that an item gives its only column.
pub(crate) fn item_name<'a>(compiler: &Compiler<'_, 'a>, item: &'a Expr) -> Option<String> {
    match &item.kind {
        ExprKind::Call(call) => {
            let name: &str = &call.name.text;
            let known = builtins().find(BuiltinKind::Scalar, name).is_some()
                || builtins().find(BuiltinKind::Aggregate, name).is_some();
            if !known || compiler.scope.find(name).is_some() {
                return None;
            }
            compiler.call_name(call, true)
        }
        _ => compiler.expression_name(item),
    }
}

/// The value of `x = value`, or the expression itself.
pub(crate) fn value_of(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Named(named) => &named.value,
        _ => expr,
    }
}

/// The columns that an item of `project` and its kin gives, without aggregates.
pub(crate) fn parts<'a>(compiler: &Compiler<'_, 'a>, item: &'a Expr) -> Result<Vec<Part>, Fault> {
    if let (ExprKind::Star, Some(rows)) = (&item.kind, compiler.rows) {
        let all = rows.frame.columns.iter().enumerate().map(|(index, column)| Part {
            name: Some(column.name.to_string()),
            value: Typed::column(index, column.ty),
            source: Some(index),
        });
        return Ok(all.collect());
    }
    let value = value_of(item);
    if let ExprKind::Call(call) = &value.kind
        && let Some(members) = tuple_members(compiler, call)
    {
        let Some(tuple) = super::functions::find_tuple(&call.name.text) else {
            return Err(compiler.scope.not_evaluated(format!("{}()", call.name.text), call.name.span));
        };
        let mut args = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            args.push(compiler.compile(argument)?);
        }
        let types = args.iter().map(|arg| arg.ty).collect();
        let spread = Rc::new(Spread { tuple, args, types, span: compiler.scope.place(value.span) });
        let taken = members.into_iter().enumerate().map(|(index, (name, ty))| {
            let children: Vec<&Typed> = spread.args.iter().collect();
            let node = Node::Tuple(Rc::clone(&spread), index);
            Ok(Part {
                name: Some(name),
                value: compiler.node(ty, &children, node, value.span)?,
                source: None,
            })
        });
        return taken.collect();
    }
    let typed = compiler.compile(value)?;
    let source = match typed.node {
        Node::Column(index) => Some(index),
        _ => None,
    };
    Ok(vec![Part { name: None, value: typed, source }])
}

/// Names and types of the columns that a call gives, if it gives several: `series_fit_line`, `array_sort_asc`.
fn tuple_members<'a>(
    compiler: &Compiler<'_, 'a>,
    call: &'a crate::kql::syntax::Call,
) -> Option<Vec<(String, ScalarType)>> {
    let name: &str = &call.name.text;
    if compiler.scope.find(name).is_some() {
        return None;
    }
    let argument = call.arguments.first().and_then(|argument| compiler.expression_name(argument));
    if let Some(members) = crate::kql::bind::series_columns(name) {
        let named = members.iter().map(|(member, ty)| {
            let column = match &argument {
                Some(argument) => format!("{name}_{argument}_{member}"),
                None => format!("{name}__{member}"),
            };
            (column, *ty)
        });
        return Some(named.collect());
    }
    if !matches!(name, "array_sort_asc" | "array_sort_desc") || call.arguments.len() < 2 {
        return None;
    }
    let mut members = Vec::new();
    for (index, argument) in call.arguments.iter().enumerate() {
        let dynamic = compiler.compile(argument).is_ok_and(|typed| typed.ty == ScalarType::Dynamic);
        if !dynamic {
            break;
        }
        let column = match compiler.expression_name(argument) {
            Some(argument) => format!("{argument}_sorted"),
            None => format!("array{index}_sorted"),
        };
        members.push((column, ScalarType::Dynamic));
    }
    (members.len() > 1).then_some(members)
}
