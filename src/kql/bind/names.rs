//! What a name without parentheses means.
//!
//! Order of meanings: a member of what stands before the dot; a column of the input, then of the right side of a join;
//! a variable or function of the query, the innermost first; a stored function that needs no arguments; a table. In an
//! input that is open, an unknown name is taken for a column of it.

use std::borrow::Cow;

use super::report::Severity;
use super::symbols::{ColId, Column, Group, Info, Sym, TableId};
use super::{Binder, Scope, Wildcards};
use crate::kql::builtins::{BuiltinKind, Function, Returns};
use crate::kql::schema::{Knowledge, Name};
use crate::kql::span::Span;
use crate::kql::syntax::{self, NameForm};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    /// Binds a name; `tabular` says that a table is expected in its place.
    pub(super) fn bind_name(&mut self, name: &'a syntax::Name, tabular: bool) -> Info<'a> {
        let text: &'a str = &name.text;
        if text.is_empty() {
            return Info::ERROR;
        }
        if name.form == NameForm::Braced {
            // A place that a client fills in: nothing is known of it.
            return if tabular { self.open_result() } else { Info::of(Ty::Unknown) };
        }
        if let Some(info) = self.bind_member(text, name.span) {
            return info;
        }
        if self.cx.path.is_none()
            && let Some(info) = self.bind_side(text)
        {
            return info;
        }
        if let Some(info) = self.look_up(text, name.span, self.cx.scope != Scope::Aggregate) {
            return info;
        }
        if self.cx.scope == Scope::Aggregate {
            let outside = self.scoped(|binder| {
                binder.cx.scope = Scope::Normal;
                binder.quietly(|binder| binder.look_up(text, name.span, true)).is_some()
            });
            if outside {
                let hint = format!("'{text}' is a column: it must stand inside an aggregate, or after 'by'");
                self.error("KQL236", name.span, hint);
                return Info::ERROR;
            }
        }
        self.unknown_name(text, name.span, tabular)
    }

    /// A member of what stands before the dot; `None` if there is no dot or it stands before a tabular name.
    fn bind_member(&mut self, text: &'a str, span: Span) -> Option<Info<'a>> {
        let path = self.cx.path?;
        Some(match path {
            Ty::Bag(bag) => match self.bag_member(bag, text) {
                Some(ty) => Info::of(ty.as_dynamic()),
                None => Info::of(Ty::Dynamic),
            },
            ty if ty.is_dynamic() => Info::of(Ty::Dynamic),
            Ty::Unknown | Ty::Pattern(_) | Ty::Group(_) | Ty::EntityGroup | Ty::Graph(_) => {
                Info::of(Ty::Unknown)
            }
            Ty::Error => Info::ERROR,
            Ty::Tuple(tuple) => {
                let name = self.names.intern(text);
                match self.tuple_member(tuple, name) {
                    Some(column) => self.column_info(column, span),
                    None => self.unknown_name(text, span, false),
                }
            }
            Ty::Database(true) => match self.database_member(text, span) {
                Some(info) => info,
                None => self.unknown_name(text, span, true),
            },
            Ty::Database(false) => self.open_result(),
            _ => self.unknown_name(text, span, false),
        })
    }

    fn tuple_member(&mut self, tuple: u32, name: Name) -> Option<ColId> {
        let row_of = self.tuple(tuple).row_of;
        let columns = std::sync::Arc::clone(&self.tuple(tuple).columns);
        let listed = columns.iter().copied().find(|&c| self.column(c).name == name);
        match row_of {
            Some(table) if listed.is_none() && self.is_open(table) => self.find_or_infer(table, name),
            _ => listed,
        }
    }

    /// `$left` and `$right` in the condition of a join.
    fn bind_side(&mut self, text: &str) -> Option<Info<'a>> {
        let right = self.cx.right?;
        let table = match text {
            "$left" => self.cx.row?,
            "$right" => right,
            _ => return None,
        };
        let columns = self.declared(table);
        Some(Info::of(self.new_tuple(columns, Some(table))))
    }

    /// The ordinary search. `rows`: columns of the input count.
    fn look_up(&mut self, text: &'a str, span: Span, rows: bool) -> Option<Info<'a>> {
        let name = self.names.intern(text);
        if rows && let Some(row) = self.cx.row {
            let left = self.find_column(row, name);
            if let Some(column) = left {
                return Some(self.column_info(column, span));
            }
        }
        if let Some(right) = self.cx.right
            && let Some(column) = self.find_column(right, name)
        {
            return Some(self.column_info(column, span));
        }
        if let Some(sym) = self.local(name) {
            return Some(self.sym_info(sym, span, text));
        }
        if let Some(info) = self.database_member(text, span) {
            return Some(info);
        }
        if let Some(function) = self.builtin_in_scope(text) {
            let hint = format!("'{text}' is a function: it needs an argument list, {text}(...)");
            self.error("KQL117", span, hint);
            return Some(Info { sym: Sym::Other, ..Info::of(unique_result(function)) });
        }
        if rows && let Some(row) = self.cx.row {
            let column = self.find_or_infer(row, name)?;
            return Some(self.column_info(column, span));
        }
        None
    }

    /// A stored function that needs no arguments, or a table.
    fn database_member(&mut self, text: &'a str, span: Span) -> Option<Info<'a>> {
        if let Some(user) = self.stored_function(text)
            && self.min_arguments(user) == 0
        {
            self.facts.function(self.quiet, text);
            return Some(self.call_without_arguments(user, span));
        }
        let table = self.schema_table(text)?;
        self.facts.table(self.quiet, text);
        Some(Info { sym: Sym::Table(table), ..Info::of(Ty::Table(table.0)) })
    }

    /// The innermost local meaning.
    pub(super) fn local(&self, name: Name) -> Option<Sym> {
        let mut at = self.scope_head;
        while let Some(binding) = at.and_then(|index| self.bindings.get(index as usize)) {
            if binding.name == name {
                return Some(binding.sym);
            }
            at = binding.outer;
        }
        None
    }

    fn builtin_in_scope(&self, text: &str) -> Option<&'static Function> {
        let aggregate = || self.builtins.find(BuiltinKind::Aggregate, text);
        let scalar = || self.builtins.find(BuiltinKind::Scalar, text).filter(|f| self.is_available(f));
        match self.cx.scope {
            Scope::Aggregate => aggregate().or_else(scalar),
            Scope::Normal => scalar(),
            Scope::Plugin => None,
        }
    }

    pub(super) fn is_available(&self, function: &Function) -> bool {
        !function.graph_only || self.cx.graph.is_some()
    }

    fn sym_info(&mut self, sym: Sym, span: Span, text: &str) -> Info<'a> {
        match sym {
            Sym::Column(column) => self.column_info(column, span),
            Sym::Variable(id) => {
                let variable = self.variable(id);
                let value = if variable.constant { variable.value } else { None };
                Info { sym, constant: variable.constant, value, ..Info::of(variable.ty) }
            }
            Sym::User(user) if self.min_arguments(user) == 0 => self.call_without_arguments(user, span),
            Sym::User(user) => {
                let hint = format!("'{text}' is a function: it needs an argument list, {text}(...)");
                self.error("KQL117", span, hint);
                Info { sym, ..Info::of(self.declared_result(user)) }
            }
            Sym::Table(table) => Info { sym, ..Info::of(Ty::Table(table.0)) },
            other => Info { sym: other, ..Info::of(Ty::Unknown) },
        }
    }

    pub(super) fn column_info(&mut self, column: ColId, span: Span) -> Info<'a> {
        let Column { name, ty } = self.column(column);
        self.facts.column(self.quiet, name, span);
        Info { sym: Sym::Column(column), column: Some(column), ..Info::of(ty) }
    }

    pub(super) fn open_result(&mut self) -> Info<'a> {
        Info::of(Ty::Table(self.open_table().0))
    }

    /// Reports an unknown name. In a tabular place the result is an open table, so that one mistake is one message.
    pub(super) fn unknown_name(&mut self, text: &str, span: Span, tabular: bool) -> Info<'a> {
        if tabular {
            return self.unknown_table(text, span);
        }
        let suggestion = self.suggestion(text);
        let what = match (self.cx.path, self.cx.row) {
            (Some(_), _) => format!("'{text}' is not known here"),
            (None, Some(_)) => format!("no column, variable or function is named '{text}'"),
            (None, None) => format!("no table, variable or function is named '{text}'"),
        };
        let partial = self.schema.knowledge() == Knowledge::Partial && self.cx.row.is_none();
        let severity = if partial { Severity::Warning } else { Severity::Error };
        self.report("KQL142", severity, span, Cow::Owned(what), suggestion);
        if partial { Info::of(Ty::Unknown) } else { Info::ERROR }
    }

    /// The nearest name, sought once for a name before the same columns.
    fn suggestion(&mut self, text: &str) -> Option<String> {
        if self.quiet > 0 {
            return None;
        }
        let key = (self.names.intern(text), self.cx.row.map(|row| self.declared(row).len()));
        if let Some(known) = self.suggested.get(&key) {
            return known.clone();
        }
        let found = self.nearest_name(text);
        self.suggested.insert(key, found.clone());
        found
    }

    fn unknown_table(&mut self, text: &str, span: Span) -> Info<'a> {
        if self.cx.fuzzy {
            let what = format!("'{text}' is not known: the fuzzy union leaves it out");
            self.warning("KQL205", span, what);
            return self.open_result();
        }
        let suggestion = self.nearest_table(text);
        // What is complete is our own workspace; another one may have tables of its own.
        let elsewhere = self.cx.path.is_some() && self.schema.knowledge() == Knowledge::Complete;
        if elsewhere || self.schema.knowledge() == Knowledge::Partial {
            let what =
                format!("'{text}' is not a known table; not all tables are known here, so this may be right");
            self.report("KQL204", Severity::Warning, span, Cow::Owned(what), suggestion);
        } else {
            let what = format!("no table or tabular function is named '{text}'");
            self.report("KQL204", Severity::Error, span, Cow::Owned(what), suggestion);
        }
        self.open_result()
    }

    /// Binds `Device*` to the columns or tables it matches.
    pub(super) fn bind_wildcard(&mut self, pattern: &str, span: Span) -> Info<'a> {
        match self.cx.wildcards {
            Wildcards::Refused => {
                self.error("KQL268", span, "a name with * is not allowed here");
                Info::ERROR
            }
            Wildcards::Columns => self.matching_columns(pattern, span),
            Wildcards::Tables => self.matching_tables(pattern, span),
        }
    }

    fn matching_columns(&mut self, pattern: &str, span: Span) -> Info<'a> {
        let columns = self.cx.row.map(|row| self.declared(row)).unwrap_or_else(|| self.row_columns());
        let matched: Vec<ColId> = columns
            .iter()
            .copied()
            .filter(|&c| matches(pattern.as_bytes(), self.names.text(self.column(c).name).as_bytes()))
            .collect();
        match *matched {
            [only] => self.column_info(only, span),
            [] if !self.row_is_open() => {
                self.error("KQL142", span, format!("no column matches '{pattern}'"));
                Info::ERROR
            }
            _ => {
                let group = self.new_group(Group::Columns(matched.into()));
                Info { sym: Sym::Group(group), ..Info::of(Ty::Group(group)) }
            }
        }
    }

    fn matching_tables(&mut self, pattern: &str, span: Span) -> Info<'a> {
        if self.cx.path == Some(Ty::Database(false)) {
            return self.open_result();
        }
        let schema = self.schema;
        let mut tables: Vec<TableId> = Vec::new();
        if pattern == "*" {
            tables.push(self.everything());
        }
        for name in schema.tables_in_order().into_iter().filter(|_| pattern != "*") {
            if matches(pattern.as_bytes(), name.as_bytes())
                && let Some(table) = self.schema_table(name)
            {
                self.facts.table(self.quiet, name);
                tables.push(table);
            }
        }
        tables.extend(self.views(Some(pattern)));
        if schema.may_have_more_tables() && tables.is_empty() {
            // Tables of the workspace that nobody listed match, too.
            tables.push(self.open_table());
        }
        match *tables {
            [only] => Info { sym: Sym::Table(only), ..Info::of(Ty::Table(only.0)) },
            [] => {
                self.error("KQL142", span, format!("no table matches '{pattern}'"));
                Info::ERROR
            }
            _ => {
                let group = self.new_group(Group::Tables(tables));
                Info { sym: Sym::Group(group), ..Info::of(Ty::Group(group)) }
            }
        }
    }

    /// `Column1`, `Column2`…: the next that means nothing else here.
    pub(super) fn default_column_name(&mut self, include_row: bool) -> Name {
        loop {
            let text = format!("Column{}", self.next_column);
            self.next_column = self.next_column.saturating_add(1);
            let name = self.names.intern(&text);
            let in_row = include_row && self.cx.row.is_some_and(|row| self.find_column(row, name).is_some());
            if !in_row && self.local(name).is_none() && self.schema.table(&text).is_none() {
                return name;
            }
        }
    }
}

/// The one result type of all overloads.
fn unique_result(function: &Function) -> Ty {
    let mut types = function.signatures.iter().map(|s| match s.returns {
        Returns::Declared(ty) => ty,
        _ => Ty::Unknown,
    });
    let first = types.next().unwrap_or(Ty::Unknown);
    if types.all(|ty| ty == first) { first } else { Ty::Unknown }
}

/// Whether a name matches a pattern where `*` stands for anything.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(byte) if name.get(n) == Some(byte) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    p = star + 1;
                    n = from + 1;
                    retry = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|&byte| byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("*", "Anything", true),
            ("Device*", "DeviceEvents", true),
            ("Device*", "SigninLogs", false),
            ("*_CL", "App_CL", true),
            ("*_CL", "App_CLX", false),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "ac", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
