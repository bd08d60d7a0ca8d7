//! How a list of expressions becomes columns: `project`, `extend`, `summarize`, `print`, `mv-expand` and the rest.
//!
//! A column that is named, or that is a bare column, is *declared*: declaring a name twice is an error. Other columns
//! get a number if their name is taken: `Column1`, `count_1`.

use std::sync::Arc;

use super::Binder;
use super::symbols::{ColId, Group, Info, Sym};
use crate::kql::builtins::{Function, NameRule};
use crate::kql::schema::{FastMap, FastSet, Name};
use crate::kql::span::Span;
use crate::kql::syntax::{Direction, Expr, ExprKind, Named};
use crate::kql::types::Ty;

/// Which operator is making columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Default,
    /// A column of a taken name replaces it.
    Extend,
    /// Unnamed columns are `print_0`, `print_1`.
    Print(usize),
    /// A bare column replaces itself with another type.
    Replace,
    Reorder,
    Graph,
}

/// Columns being collected.
#[derive(Debug, Default)]
pub(super) struct Projection {
    columns: Vec<ColId>,
    /// Where a name stands, and the last number appended to it.
    names: FastMap<Name, (Option<usize>, u32)>,
    declared: FastSet<Name>,
    skip: Vec<ColId>,
    skip_base: Option<Arc<[ColId]>>,
}

impl Projection {
    /// Starts with columns that are not added a second time.
    pub(super) fn starting_with(binder: &Binder<'_>, columns: &Arc<[ColId]>) -> Projection {
        let mut projection = Projection::default();
        projection.columns.reserve(columns.len() + 8);
        projection.names.reserve(columns.len() + 8);
        for (index, &column) in columns.iter().enumerate() {
            projection.columns.push(column);
            projection.names.entry(binder.column(column).name).or_insert((Some(index), 0));
        }
        projection.skip_base = Some(Arc::clone(columns));
        projection
    }

    pub(super) fn columns(self) -> Vec<ColId> {
        self.columns
    }

    pub(super) fn so_far(&self) -> &[ColId] {
        &self.columns
    }

    /// What is there now is not added again.
    pub(super) fn skip_present(&mut self) {
        self.skip.extend_from_slice(&self.columns);
    }

    pub(super) fn declare_present(&mut self, binder: &Binder<'_>) {
        self.declared.extend(self.columns.iter().map(|&c| binder.column(c).name));
    }

    fn skips(&self, column: ColId) -> bool {
        self.skip.contains(&column) || self.skip_base.as_ref().is_some_and(|base| base.contains(&column))
    }
}

impl<'a> Binder<'a> {
    /// Adds a column; a taken name gets a number, after `base` if given.
    pub(super) fn add(
        &mut self,
        to: &mut Projection,
        column: ColId,
        base: Option<Name>,
        replace: bool,
        once: bool,
    ) {
        let name = self.column(column).name;
        if self.names.text(name).is_empty() || to.skips(column) {
            return;
        }
        match to.names.get(&name).copied() {
            Some((Some(index), _)) if replace => {
                if let Some(place) = to.columns.get_mut(index) {
                    *place = column;
                }
            }
            Some((_, suffix)) => {
                let (free, suffix) = self.free_name(to, base.unwrap_or(name), suffix);
                if let Some(entry) = to.names.get_mut(&name) {
                    entry.1 = suffix;
                }
                let ty = self.column(column).ty;
                let renamed = self.new_column(free, ty);
                to.names.insert(free, (Some(to.columns.len()), 0));
                to.columns.push(renamed);
            }
            None => {
                to.names.insert(name, (Some(to.columns.len()), 0));
                to.columns.push(column);
            }
        }
        if once {
            to.skip.push(column);
        }
    }

    fn free_name(&mut self, to: &Projection, base: Name, mut suffix: u32) -> (Name, u32) {
        loop {
            suffix = suffix.saturating_add(1);
            let text = format!("{}{suffix}", self.names.text(base));
            let name = self.names.intern(&text);
            if !to.names.contains_key(&name) {
                return (name, suffix);
            }
        }
    }

    /// Adds a column under a name that the query spells out.
    pub(super) fn declare(&mut self, to: &mut Projection, column: ColId, span: Span, replace: bool) {
        let name = self.column(column).name;
        if to.declared.contains(&name) {
            let text = self.names.text(name).to_owned();
            self.duplicate_column(&text, span);
            return;
        }
        match to.names.get(&name) {
            Some(&(Some(index), _)) if replace => {
                if let Some(place) = to.columns.get_mut(index) {
                    *place = column;
                }
                to.declared.insert(name);
            }
            _ => {
                let before = to.columns.len();
                self.add(to, column, None, false, false);
                let added = if to.columns.len() > before { to.columns.last().copied() } else { None };
                let added = added.map_or(name, |c| self.column(c).name);
                to.declared.insert(added);
            }
        }
    }

    /// `project-rename new = old`.
    pub(super) fn rename(&mut self, to: &mut Projection, old: Name, new: Name, span: Span) {
        let Some((Some(index), _)) = to.names.get(&old).copied() else { return };
        if to.declared.contains(&new) {
            let text = self.names.text(new).to_owned();
            self.duplicate_column(&text, span);
            return;
        }
        let Some(&column) = to.columns.get(index) else { return };
        let ty = self.column(column).ty;
        let renamed = self.new_column(new, ty);
        if let Some(place) = to.columns.get_mut(index) {
            *place = renamed;
        }
        to.names.insert(old, (None, 0));
        to.names.insert(new, (Some(index), 0));
        to.declared.insert(new);
    }

    /// Adds the columns of an expression that has been bound; `info` is that of its value, without a name.
    pub(super) fn project_bound(
        &mut self,
        to: &mut Projection,
        expr: &'a Expr,
        info: Info<'a>,
        style: Style,
        ty: Option<Ty>,
        once: bool,
    ) {
        match &expr.kind {
            ExprKind::Named(named) if named.list => self.project_list(to, named, info, style, ty, once),
            ExprKind::Named(named) => self.project_named(to, named, info, style, ty, once),
            ExprKind::Star => {
                for &column in self.row_columns().iter() {
                    self.add(to, column, None, true, once);
                }
            }
            _ => self.project_unnamed(to, expr, info, style, ty, once),
        }
    }

    fn project_named(
        &mut self,
        to: &mut Projection,
        named: &'a Named,
        info: Info<'a>,
        style: Style,
        ty: Option<Ty>,
        once: bool,
    ) {
        let Some(name) = named.names.first() else { return };
        let id = self.names.intern(&name.text);
        if let Ty::Tuple(tuple) = info.ty {
            let columns = Arc::clone(&self.tuple(tuple).columns);
            let Some((&first, others)) = columns.split_first() else { return };
            let first_ty = self.column(first).ty;
            let column = self.new_column(id, ty.unwrap_or(first_ty));
            self.declare(to, column, name.span, true);
            if once {
                to.skip.push(first);
            }
            if matches!(style, Style::Print(_)) {
                return;
            }
            for &other in others {
                self.add_tuple_column(to, other, info, style, once);
            }
            return;
        }
        if let Sym::Column(source) = info.sym {
            let column_ty = self.column(source).ty;
            let column = self.new_column(id, ty.unwrap_or(column_ty));
            self.declare(to, column, name.span, true);
            if once {
                to.skip.push(source);
            }
            return;
        }
        let column = self.new_column(id, ty.unwrap_or_else(|| self.reduced(info.ty)));
        self.declare(to, column, name.span, matches!(style, Style::Replace | Style::Extend));
    }

    fn add_tuple_column(
        &mut self,
        to: &mut Projection,
        column: ColId,
        info: Info<'a>,
        style: Style,
        once: bool,
    ) {
        if let Sym::Builtin(function) = info.sym {
            self.add_result_column(to, function, column, once);
        } else {
            self.add(to, column, None, matches!(style, Style::Replace | Style::Extend), once);
        }
    }

    /// A column of a result that is several columns.
    fn add_result_column(&mut self, to: &mut Projection, function: &Function, column: ColId, once: bool) {
        let prefix = match function.naming {
            NameRule::Prefix(prefix) => Some(prefix),
            _ => function.prefix,
        };
        let column = match prefix {
            Some(prefix) => {
                let old = self.column(column);
                let text = format!("{prefix}_{}", self.names.text(old.name));
                self.column_named(&text, old.ty)
            }
            None => column,
        };
        self.add(to, column, None, false, once);
    }

    /// `(a, b) = f(...)`.
    fn project_list(
        &mut self,
        to: &mut Projection,
        named: &'a Named,
        info: Info<'a>,
        style: Style,
        ty: Option<Ty>,
        once: bool,
    ) {
        let replace = matches!(style, Style::Replace | Style::Extend);
        if let Ty::Tuple(tuple) = info.ty {
            let columns = Arc::clone(&self.tuple(tuple).columns);
            for (index, &column) in columns.iter().enumerate() {
                match named.names.get(index) {
                    Some(name) => {
                        let id = self.names.intern(&name.text);
                        let column_ty = self.column(column).ty;
                        let declared = self.new_column(id, ty.unwrap_or(column_ty));
                        self.declare(to, declared, name.span, replace);
                        if once {
                            to.skip.push(column);
                        }
                    }
                    None if !matches!(style, Style::Print(_)) => {
                        self.add_tuple_column(to, column, info, style, once);
                    }
                    None => {}
                }
            }
            for name in named.names.iter().skip(columns.len()) {
                self.error("KQL149", name.span, "there is no value for this name");
            }
            return;
        }
        match named.names.as_slice() {
            [name] => {
                let id = self.names.intern(&name.text);
                let column = self.new_column(id, ty.unwrap_or_else(|| self.reduced(info.ty)));
                let replace = replace || matches!(info.sym, Sym::Column(_));
                self.declare(to, column, name.span, replace);
            }
            _ if info.ty.is_opaque() => {
                // What it gives is not known: the names are columns of unknown type.
                for name in &named.names {
                    let column = self.column_named(&name.text, Ty::Unknown);
                    self.declare(to, column, name.span, replace);
                }
            }
            names => {
                let span = names.iter().map(|n| n.span).reduce(Span::to).unwrap_or_default();
                self.error("KQL149", span, "the expression gives only one value");
            }
        }
    }

    fn project_unnamed(
        &mut self,
        to: &mut Projection,
        expr: &'a Expr,
        info: Info<'a>,
        style: Style,
        ty: Option<Ty>,
        once: bool,
    ) {
        if let Some(column) = info.column.filter(|_| style != Style::Graph) {
            let declared = match ty {
                Some(ty) => {
                    let name = self.column(column).name;
                    self.new_column(name, ty)
                }
                None => column,
            };
            self.declare(to, declared, expr.span, style == Style::Replace);
            if once {
                to.skip.push(column);
            }
            return;
        }
        if let Sym::Group(group) = info.sym {
            let columns = match self.group(group) {
                Some(Group::Columns(columns)) if style == Style::Reorder => Arc::clone(columns),
                _ => {
                    self.error("KQL184", expr.span, "the name stands for several columns");
                    return;
                }
            };
            for &column in columns.iter() {
                self.add(to, column, None, false, true);
            }
            return;
        }
        if let (Ty::Tuple(tuple), Sym::Builtin(function)) = (info.ty, info.sym) {
            let columns = Arc::clone(&self.tuple(tuple).columns);
            if let (Style::Print(index), [only]) = (style, &*columns) {
                let only_ty = self.column(*only).ty;
                self.add_printed(to, index, ty.unwrap_or(only_ty));
                return;
            }
            for &column in columns.iter() {
                self.add_result_column(to, function, column, once);
            }
            return;
        }
        let value_ty = self.reduced(info.ty);
        let column_ty =
            ty.unwrap_or(if value_ty.is_scalar() || value_ty.is_error() { value_ty } else { Ty::Unknown });
        if let Style::Print(index) = style {
            self.add_printed(to, index, column_ty);
            return;
        }
        let name = match (&expr.kind, info.sym) {
            (ExprKind::Call(call), Sym::Builtin(function)) => self.call_name(function, call, true),
            (ExprKind::Call(_), _) => None,
            _ if style == Style::Graph => self.graph_name(expr),
            _ => self.expression_name(expr),
        };
        let name = match name {
            Some(name) => name,
            None => self.default_column_name(style == Style::Extend),
        };
        let column = self.new_column(name, column_ty);
        self.add(to, column, None, matches!(style, Style::Replace | Style::Extend), false);
    }

    /// `n.Name` in a graph pattern is `n_Name`.
    fn graph_name(&mut self, expr: &'a Expr) -> Option<Name> {
        let (base, selector) = match &expr.kind {
            ExprKind::Path(path) => (&path.base, self.expression_name(&path.selector)),
            _ => return self.expression_name(expr),
        };
        let left = self.graph_name(base);
        match (left, selector) {
            (Some(left), Some(selector)) => {
                let text = format!("{}_{}", self.names.text(left), self.names.text(selector));
                Some(self.names.intern(&text))
            }
            (None, selector) => selector,
            (left, None) => left,
        }
    }

    fn add_printed(&mut self, to: &mut Projection, index: usize, ty: Ty) {
        let column = self.column_named(&format!("print_{index}"), ty);
        let name = self.column(column).name;
        self.add(to, column, Some(name), false, false);
    }

    /// The columns of a wildcard in the order that `asc`, `desc` or `granny-asc` asks for.
    pub(super) fn ordered_columns(&self, columns: &[ColId], direction: Option<Direction>) -> Vec<ColId> {
        let mut list = columns.to_vec();
        let key = |c: &ColId| self.names.text(self.column(*c).name).to_uppercase();
        match direction {
            None => {}
            Some(Direction::Asc) => list.sort_by_key(key),
            Some(Direction::Desc) => {
                list.sort_by_key(|c| std::cmp::Reverse(key(c)));
            }
            Some(Direction::GrannyAsc) => list.sort_by_key(|c| granny_key(&key(c))),
            Some(Direction::GrannyDesc) => list.sort_by_key(|c| std::cmp::Reverse(granny_key(&key(c)))),
        }
        list
    }
}

/// The value of `name = value`, or the expression itself.
pub(super) fn expr_value(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Named(named) => &named.value,
        _ => expr,
    }
}

/// Text and numbers in turn, so that `a10` comes after `a2`.
fn granny_key(text: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let words = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(words);
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(digits);
        parts.push((word.to_owned(), number.parse().unwrap_or(u64::MAX)));
        rest = tail;
    }
    parts
}
