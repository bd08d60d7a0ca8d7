//! Where rows come from: tables of the world and the schema, stored functions, watchlists, `datatable`, `externaldata`.

use std::borrow::Cow;
use std::rc::Rc;

use super::compile::{Compiler, declared_type};
use super::convert::convert;
use super::frame::{Frame, cell};
use super::run::{Entity, Run};
use super::scope::{Meaning, Scope, User};
use super::value::{Dynamic, Value};
use super::{Column, Fault, Table};
use crate::kql::builtins::{BuiltinKind, builtins};
use crate::kql::schema::{Name, PackedColumn};
use crate::kql::span::Span;
use crate::kql::syntax::{Call, ColumnDecl, Datatable, Externaldata, LetValue, StatementKind};
use crate::kql::types::ScalarType;

/// The columns that a watchlist's items have besides their own. Documentation: "Use watchlists in queries".
const WATCHLIST: [(&str, ScalarType); 4] = [
    ("_DTItemId", ScalarType::String),
    ("LastUpdatedTimeUTC", ScalarType::DateTime),
    ("SearchKey", ScalarType::String),
    ("WatchlistItem", ScalarType::Dynamic),
];

/// Stored functions whose body in the schema only says which columns they add.
const STAND_INS: [&str; 2] = ["FileProfile", "DeviceFromIP"];

impl<'a> Run<'a> {
    /// The rows of a table of the world or the schema.
    pub(crate) fn source(&self, name: &str, scope: &Scope<'a>, span: Span) -> Result<Frame, Fault> {
        if let Some(known) = self.tables.borrow().get(name) {
            return Ok(known.clone());
        }
        let Some((listed, open)) = self.columns_of(name) else {
            self.unknown.set(self.unknown.get().saturating_add(1));
            return Err(scope.failed(format!("no table is named '{name}'"), span));
        };
        let mut frame = match self.world.tables.get(name) {
            Some(table) if self.is_complete(table, &listed) => retyped(table),
            Some(table) => joined(self.packed(&listed), table),
            None => Frame::new(self.packed(&listed), Vec::new()),
        };
        frame.open = open;
        self.context.hold(frame.rows.len(), frame.columns.len())?;
        self.context.check_rows(frame.rows.len(), scope.place(span))?;
        self.context.spend(frame.rows.len() as u64, scope.place(span))?;
        self.tables.borrow_mut().insert(name.to_owned(), frame.clone());
        Ok(frame)
    }

    /// The columns that the schema gives a table or a stored function; none for a table that only the world has.
    fn columns_of(&self, name: &str) -> Option<(Cow<'a, [PackedColumn]>, bool)> {
        let schema = self.world.schema;
        if let Some(facts) = schema.table(name) {
            return Some((facts.columns, facts.open));
        }
        if let Some(facts) = schema.function(name) {
            return Some((facts.columns.unwrap_or_default().into(), facts.open));
        }
        if let Some(columns) = schema.unlisted_table(name) {
            return Some((columns.into(), true));
        }
        self.world.tables.contains_key(name).then(|| (Cow::Borrowed(&[][..]), true))
    }

    /// Whether a table begins with the columns of the schema, in their order: then there is nothing to put into place.
    fn is_complete(&self, table: &Table, listed: &[PackedColumn]) -> bool {
        let schema = self.world.schema;
        let same = |(ours, theirs): (&Column, &PackedColumn)| {
            ours.ty == theirs.ty() && *ours.name == *schema.name_text(Name(theirs.name()))
        };
        table.columns.len() >= listed.len() && table.columns.iter().zip(listed).all(same)
    }

    fn packed(&self, columns: &[PackedColumn]) -> Vec<Column> {
        let schema = self.world.schema;
        columns.iter().map(|c| Column::new(schema.name_text(Name(c.name())), c.ty())).collect()
    }

    /// Every table and view that a pattern of `union` matches.
    pub(crate) fn matching(
        &self,
        pattern: &str,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Vec<(String, Frame)>, Fault> {
        let matches = |name: &str| super::ops::union::matches(pattern.as_bytes(), name.as_bytes());
        let schema = self.world.schema;
        let mut names: Vec<&str> =
            schema.tables_in_order().into_iter().filter(|name| matches(name)).collect();
        let listed: std::collections::HashSet<&str> = names.iter().copied().collect();
        names.extend(
            self.world.tables.keys().map(String::as_str).filter(|n| matches(n) && !listed.contains(n)),
        );
        let mut found = Vec::new();
        for name in names {
            found.push((name.to_owned(), self.source(name, scope, span)?));
        }
        let compiler = Compiler::constants(self, scope);
        for view in scope.views().into_iter().filter(|view| matches(view.name)) {
            if let Entity::Table(frame) = self.call(&view, &[], None, &compiler, span)? {
                found.push((view.name.to_owned(), frame));
            }
        }
        Ok(found)
    }

    /// A function of the schema that has a body.
    pub(crate) fn stored(&self, name: &str) -> Option<Rc<User<'a>>> {
        if STAND_INS.contains(&name) || self.world.tables.contains_key(name) {
            return None;
        }
        let facts = self.world.schema.function(name)?;
        facts.body?;
        let declaration = facts.declaration();
        let statement = declaration.parse.query.statements.first()?;
        let StatementKind::Let(declared) = &statement.kind else { return None };
        let LetValue::Function(function) = &declared.value else { return None };
        let scope = Scope::new(&declaration.text);
        // The name that the declaration is given for parsing is not the function's.
        let name = self.world.schema.function_name(name)?;
        Some(Rc::new(User { name, function, scope, stored: true }))
    }

    pub(crate) fn schema_has_function(&self, name: &str) -> bool {
        self.world.schema.function(name).is_some()
    }

    /// A stored function whose result is a value: a name may stand for its call.
    pub(crate) fn schema_function_is_scalar(&self, user: &User<'a>) -> bool {
        use crate::kql::syntax::ExprKind;
        let tabular = |kind: &ExprKind| matches!(kind, ExprKind::Pipeline(_) | ExprKind::Datatable(_));
        user.function.body.result.as_ref().is_some_and(|result| !tabular(&result.kind))
    }

    /// A call where a table may stand: a function of the query or the workspace, `table()`, `workspace()`.
    pub(crate) fn called(
        &self,
        call: &'a Call,
        span: Span,
        compiler: &Compiler<'_, 'a>,
    ) -> Result<Option<Entity>, Fault> {
        let name: &'a str = &call.name.text;
        let scope = &compiler.scope;
        match scope.find(name).cloned() {
            Some(Meaning::Function(user)) => {
                return self.call(&user, &call.arguments, None, compiler, span).map(Some);
            }
            Some(Meaning::Lazy(lazy)) => {
                // `let f = g; f(x)` does not exist; what is not a function is called by mistake.
                self.force(&lazy, compiler)?;
            }
            _ => {}
        }
        match name {
            "table" => {
                let Some(argument) = call.arguments.first() else {
                    return Err(scope.failed("the name of a table is missing", span));
                };
                let (table, _) = compiler.constant(argument)?;
                let Some(table) = table.as_str().map(str::to_owned) else {
                    return Err(scope.failed("the name of a table is expected", argument.span));
                };
                return self.table_by_name(&table, scope, span).map(|frame| Some(Entity::Table(frame)));
            }
            "workspace" | "app" | "resource" | "database" | "cluster" => return Ok(Some(Entity::Database)),
            "adx"
            | "arg"
            | "external_table"
            | "materialized_view"
            | "stored_query_result"
            | "entity_group"
            | "graph" => {
                return Err(scope.not_evaluated(format!("{name}()"), span));
            }
            "_GetWatchlist" => return self.watchlist(call, compiler, span).map(|f| Some(Entity::Table(f))),
            _ => {}
        }
        if builtins().find(BuiltinKind::Scalar, name).is_some()
            || builtins().find(BuiltinKind::Aggregate, name).is_some()
        {
            return Ok(None);
        }
        if let Some(user) = self.stored(name) {
            return self.call(&user, &call.arguments, None, compiler, span).map(Some);
        }
        if STAND_INS.contains(&name) {
            return Err(scope.not_evaluated(format!("{name}()"), span));
        }
        if self.schema_has_function(name) || self.world.tables.contains_key(name) {
            // Only its columns are known: a case says what it returns, under its name.
            for argument in &call.arguments {
                let value = match &argument.kind {
                    crate::kql::syntax::ExprKind::Named(named) => &named.value,
                    _ => argument,
                };
                if self.table_if(value, compiler)?.is_none() {
                    compiler.compile(value)?;
                }
            }
            return self.source(name, scope, span).map(|frame| Some(Entity::Table(frame)));
        }
        if scope.fuzzy {
            return Ok(Some(Entity::Table(Frame { open: true, ..Frame::default() })));
        }
        Ok(None)
    }

    fn table_by_name(&self, name: &str, scope: &Scope<'a>, span: Span) -> Result<Frame, Fault> {
        let compiler = Compiler::constants(self, scope);
        match scope.find(name).cloned() {
            Some(Meaning::Table(frame)) => Ok(frame),
            Some(Meaning::Lazy(lazy)) => match self.force(&lazy, &compiler)? {
                Meaning::Table(frame) => Ok(frame),
                _ => Err(scope.failed(format!("'{name}' is no table"), span)),
            },
            _ => match self.stored(name) {
                Some(user) => match self.call(&user, &[], None, &compiler, span)? {
                    Entity::Table(frame) => Ok(frame),
                    _ => Err(scope.failed(format!("'{name}' is no table"), span)),
                },
                None => self.source(name, scope, span),
            },
        }
    }

    /// `_GetWatchlist("alias")`
    fn watchlist(&self, call: &'a Call, compiler: &Compiler<'_, 'a>, span: Span) -> Result<Frame, Fault> {
        let alias = match call.arguments.first() {
            Some(argument) => compiler.constant(argument)?.0,
            None => Value::Null,
        };
        let Some(alias) = alias.as_str() else {
            return Err(compiler.scope.failed("the alias of a watchlist is expected", span));
        };
        let mut columns: Vec<Column> = WATCHLIST.iter().map(|(name, ty)| Column::new(*name, *ty)).collect();
        let listed = self.world.schema.watchlist(alias);
        for column in self.packed(listed.unwrap_or_default()) {
            if !columns.iter().any(|known| known.name == column.name) {
                columns.push(column);
            }
        }
        let mut frame = match self.world.watchlists.get(alias) {
            Some(table) => {
                let mut frame = joined(columns, table);
                fill_items(&mut frame, table);
                frame
            }
            None => Frame { open: listed.is_none(), ..Frame::new(columns, Vec::new()) },
        };
        self.context.check_rows(frame.rows.len(), compiler.scope.place(span))?;
        // `_GetWatchlist(alias, dynamic(["key"]))` keeps the items of these keys.
        if let Some(keys) = call.arguments.get(1) {
            let (keys, _) = compiler.constant(keys)?;
            if let Some(Dynamic::Array(keys)) = keys.as_dynamic()
                && !keys.is_empty()
                && let Some(at) = frame.position("SearchKey")
            {
                let keys: Vec<&str> = keys
                    .iter()
                    .filter_map(|key| if let Dynamic::String(key) = key { Some(&**key) } else { None })
                    .collect();
                frame
                    .rows
                    .retain(|row| row.get(at).and_then(Value::as_str).is_some_and(|k| keys.contains(&k)));
            }
        }
        Ok(frame)
    }

    pub(super) fn datatable(&self, table: &'a Datatable, scope: &Scope<'a>) -> Result<Frame, Fault> {
        let columns = self.declared(&table.columns, scope)?;
        let compiler = Compiler::constants(self, scope);
        if columns.is_empty() {
            return Ok(Frame::default());
        }
        let mut rows = Vec::with_capacity(table.values.len() / columns.len());
        for values in table.values.chunks(columns.len()) {
            if values.len() < columns.len() {
                let span = values.last().map_or(Span::at(0), |value| value.span);
                return Err(scope.failed("the values do not fill the last row", span));
            }
            let mut row = Vec::with_capacity(columns.len());
            for (value, column) in values.iter().zip(&columns) {
                row.push(convert(&compiler.constant(value)?.0, column.ty));
            }
            rows.push(row);
        }
        Ok(Frame::new(columns, rows))
    }

    pub(super) fn externaldata(
        &self,
        data: &'a Externaldata,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let columns = self.declared(&data.columns, scope)?;
        let compiler = Compiler::constants(self, scope);
        let mut frame = Frame::new(columns.clone(), Vec::new());
        for uri in &data.uris {
            let (uri, _) = compiler.constant(uri)?;
            let uri = uri.as_str().unwrap_or_default();
            let Some(table) = self.world.external.get(uri) else {
                let what = format!("externaldata from {uri}: the case has no such file");
                return Err(scope.not_evaluated(what, span));
            };
            for row in &table.rows {
                frame.rows.push(Rc::new(by_name(&columns, table, row)));
            }
        }
        self.context.check_rows(frame.rows.len(), scope.place(span))?;
        Ok(frame)
    }

    pub(super) fn declared(
        &self,
        columns: &'a [ColumnDecl],
        scope: &Scope<'a>,
    ) -> Result<Vec<Column>, Fault> {
        let mut list = Vec::with_capacity(columns.len());
        for column in columns {
            let ty = match declared_type(&column.ty) {
                Some(ScalarType::Decimal) => return Err(scope.not_evaluated("the type decimal", column.span)),
                Some(ty) => ty,
                None => return Err(scope.failed("the type of the column is missing", column.span)),
            };
            list.push(Column::new(&*column.name.text, ty));
        }
        Ok(list)
    }
}

/// A table as it is, every value of its column's type.
fn retyped(table: &Table) -> Frame {
    let row = |row: &Vec<Value>| {
        table.columns.iter().enumerate().map(|(at, column)| typed(cell(row, at), column.ty)).collect()
    };
    Frame::new(table.columns.clone(), table.rows.iter().map(row).collect())
}

/// A table's rows under the columns of the schema and its own.
fn joined(mut columns: Vec<Column>, table: &Table) -> Frame {
    let place = |columns: &[Column], name: &str| columns.iter().position(|known| &*known.name == name);
    let mut places = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        places.push(match place(&columns, &column.name) {
            Some(place) => place,
            None => {
                columns.push(column.clone());
                columns.len() - 1
            }
        });
    }
    let blank: Vec<Value> = columns.iter().map(|column| Value::missing(column.ty)).collect();
    let rows = table.rows.iter().map(|row| {
        let mut cells = blank.clone();
        for (value, &place) in row.iter().zip(&places) {
            if let (Some(cell), Some(column)) = (cells.get_mut(place), columns.get(place)) {
                *cell = typed(value, column.ty);
            }
        }
        cells
    });
    let rows = rows.collect();
    Frame::new(columns, rows)
}

/// The values of a row under other columns of the same names.
fn by_name(columns: &[Column], table: &Table, row: &[Value]) -> Vec<Value> {
    let cell = |column: &Column| {
        let place = table.columns.iter().position(|known| known.name == column.name);
        place
            .and_then(|place| row.get(place))
            .map_or_else(|| Value::missing(column.ty), |value| convert(value, column.ty))
    };
    columns.iter().map(cell).collect()
}

/// A value as its column has it; a value of another type is converted as the service does at ingestion.
fn typed(value: &Value, ty: ScalarType) -> Value {
    let fits = matches!(
        (value, ty),
        (Value::String(_), ScalarType::String)
            | (Value::Bool(_), ScalarType::Bool)
            | (Value::Int(_), ScalarType::Int)
            | (Value::Long(_), ScalarType::Long)
            | (Value::Real(_), ScalarType::Real)
            | (Value::DateTime(_), ScalarType::DateTime)
            | (Value::TimeSpan(_), ScalarType::TimeSpan)
            | (Value::Guid(_), ScalarType::Guid)
            | (Value::Dynamic(_), ScalarType::Dynamic)
            | (_, ScalarType::Unknown | ScalarType::Decimal)
    );
    if fits {
        return value.clone();
    }
    match value {
        Value::Null => Value::missing(ty),
        _ => convert(value, ty),
    }
}

/// The columns that the service makes of a watchlist's item, where the case does not give them.
fn fill_items(frame: &mut Frame, table: &Table) {
    let given = |name: &str| table.columns.iter().any(|column| &*column.name == name);
    let at = |name: &str| frame.position(name);
    let (item, key, id) = (at("WatchlistItem"), at("SearchKey"), at("_DTItemId"));
    let (has_item, has_key, has_id) = (given("WatchlistItem"), given("SearchKey"), given("_DTItemId"));
    let own: Vec<_> = table.columns.iter().map(|column| column.name.clone()).collect();
    for (number, (row, source)) in frame.rows.iter_mut().zip(&table.rows).enumerate() {
        let row = Rc::make_mut(row);
        let mut put = |place: Option<usize>, value: Value| {
            if let Some(cell) = place.and_then(|place| row.get_mut(place)) {
                *cell = value;
            }
        };
        if !has_item {
            let members = own.iter().cloned().zip(source.iter().map(|value| value.clone().into_dynamic()));
            put(item, Value::dynamic(Dynamic::Bag(members.collect())));
        }
        if !has_key {
            // The first column is the search key unless the case says otherwise.
            put(key, source.first().map_or_else(|| Value::string(""), |v| convert(v, ScalarType::String)));
        }
        if !has_id {
            put(id, Value::from(format!("00000000-0000-0000-0000-{:012}", number + 1)));
        }
    }
}
