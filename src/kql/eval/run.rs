//! One evaluation: statements, what names of tables mean, calls of functions of the query and of the workspace.
//!
//! `sources` says what a table holds, `ops` what the operators do; a `let` is evaluated when it is first needed, once.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::call::Context;
use super::compile::{Compiler, declared_type};
use super::convert::convert;
use super::frame::Frame;
use super::scalar::{Node, Typed};
use super::scope::{Bound, Lazy, Meaning, Scope, State, User};
use super::value::Value;
use super::{Exercised, Fault, World};
use crate::kql::span::Span;
use crate::kql::syntax::{
    Expr, ExprKind, FunctionBody, LetValue, Parameter, Query, Statement, StatementKind, TypeRef,
};
use crate::kql::types::ScalarType;

/// How deep queries, functions and expressions may nest in each other; each level costs some of the stack.
const MAX_DEPTH: u32 = 160;

/// What one evaluation knows and has done so far.
pub(crate) struct Run<'a> {
    pub(crate) world: World<'a>,
    pub(crate) context: Context,
    pub(crate) coverage: RefCell<BTreeMap<Span, (u64, u64)>>,
    /// Tables that were read already, ready to be read again.
    pub(super) tables: RefCell<HashMap<String, Frame>>,
    /// How many names of tables meant nothing: a fuzzy union leaves those out.
    pub(super) unknown: Cell<u32>,
    depth: Cell<u32>,
    ids: Cell<u64>,
}

/// What an expression turned out to be.
pub(crate) enum Entity {
    Scalar(Typed),
    Table(Frame),
    /// `workspace("w")`, `database("d")`: what follows the dot is looked up as if it were not there.
    Database,
}

/// One level of nesting, until it is dropped.
pub(crate) struct Level<'d>(&'d Cell<u32>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(world: World<'a>, context: Context) -> Run<'a> {
        Run {
            context,
            world,
            coverage: RefCell::default(),
            tables: RefCell::default(),
            unknown: Cell::new(0),
            depth: Cell::new(0),
            ids: Cell::new(0),
        }
    }

    /// The table that the query returns.
    pub(crate) fn query(&self, query: &'a Query, text: &'a str) -> Result<Frame, Fault> {
        let scope = self.statements(&query.statements, Scope::new(text))?;
        match query.body() {
            Some(body) => self.table(body, &scope),
            None => Err(Fault::Failed { message: "the query returns nothing".to_owned(), span: query.span }),
        }
    }

    pub(crate) fn exercised(&self) -> Vec<Exercised> {
        let coverage = self.coverage.borrow();
        coverage.iter().map(|(&span, &(yes, no))| Exercised { span, yes, no }).collect()
    }

    /// A number that nothing else has.
    pub(crate) fn next_id(&self) -> u64 {
        self.ids.set(self.ids.get() + 1);
        self.ids.get()
    }

    /// Goes one level deeper.
    pub(crate) fn enter(&self, span: Span) -> Result<Level<'_>, Fault> {
        let depth = self.depth.get() + 1;
        if depth > MAX_DEPTH {
            return Err(Fault::Budget { what: "levels of nesting", limit: u64::from(MAX_DEPTH), span });
        }
        self.depth.set(depth);
        Ok(Level(&self.depth))
    }

    /// The scope behind these statements.
    fn statements(&self, statements: &'a [Statement], mut scope: Scope<'a>) -> Result<Scope<'a>, Fault> {
        for statement in statements {
            match &statement.kind {
                StatementKind::Let(declaration) => {
                    let meaning = match &declaration.value {
                        LetValue::Function(function) => Meaning::Function(Rc::new(User {
                            name: &declaration.name.text,
                            function,
                            scope: scope.clone(),
                            stored: false,
                        })),
                        LetValue::Expr(expr) => Meaning::Lazy(Rc::new(Lazy {
                            expr,
                            scope: scope.clone(),
                            state: RefCell::new(State::Todo),
                        })),
                    };
                    scope = scope.with(&declaration.name.text, meaning);
                }
                StatementKind::QueryParameters(parameters) => {
                    for parameter in parameters {
                        let value = self.default(parameter, &scope)?;
                        scope = scope.with(&parameter.name.text, value);
                    }
                }
                StatementKind::Alias(alias) => scope = scope.with(&alias.name.text, Meaning::Database),
                StatementKind::Pattern(_) => {
                    return Err(scope.not_evaluated("declare pattern", statement.span));
                }
                // An option changes how fast a query runs; a restriction what it may read, which here is little.
                StatementKind::Set(_) | StatementKind::Restrict(_) | StatementKind::Expr(_) => {}
            }
        }
        Ok(scope)
    }

    /// The value of a parameter that was not given.
    fn default(&self, parameter: &'a Parameter, scope: &Scope<'a>) -> Result<Meaning<'a>, Fault> {
        let ty = declared_type(&parameter.ty).unwrap_or(ScalarType::Unknown);
        let value = match &parameter.default {
            Some(Expr { kind: ExprKind::Name(word), .. }) => Value::string(&word.text),
            Some(default) => Compiler::constants(self, scope).constant(default)?.0,
            None => {
                let message = format!("the parameter '{}' has no value", parameter.name.text);
                return Err(scope.failed(message, parameter.span));
            }
        };
        let typed = Typed::constant(convert(&value, ty), ty);
        Ok(Meaning::Scalar(Rc::new(Bound { value: Rc::new(typed), row: None })))
    }

    /// What the right side of a `let` is, evaluated at the first question. `asking` has the row at hand, which only
    /// matters inside the body of a function.
    pub(crate) fn force(&self, lazy: &Rc<Lazy<'a>>, asking: &Compiler<'_, 'a>) -> Result<Meaning<'a>, Fault> {
        match &*lazy.state.borrow() {
            State::Done(done) => return done.clone(),
            State::Busy => return Err(lazy.scope.failed("a name stands for itself", lazy.expr.span)),
            State::Todo => {}
        }
        *lazy.state.borrow_mut() = State::Busy;
        let compiler =
            Compiler { scope: lazy.scope.clone(), columns: false, aggregates: None, ..asking.clone() };
        let meaning = self.entity(lazy.expr, &compiler).map(|entity| match entity {
            Entity::Scalar(typed) => {
                let row =
                    if typed.as_constant().is_some() { None } else { compiler.rows.map(|rows| rows.id) };
                Meaning::Scalar(Rc::new(Bound { value: Rc::new(typed), row }))
            }
            Entity::Table(frame) => Meaning::Table(frame),
            Entity::Database => Meaning::Database,
        });
        *lazy.state.borrow_mut() = State::Done(meaning.clone());
        meaning
    }

    /// What an expression is, a table or a value.
    pub(crate) fn entity(&self, expr: &'a Expr, compiler: &Compiler<'_, 'a>) -> Result<Entity, Fault> {
        if let Some(entity) = self.tabular(expr, compiler)? {
            return Ok(entity);
        }
        compiler.compile(expr).map(Entity::Scalar)
    }

    /// The table that an expression is, `None` if it is no table.
    pub(crate) fn table_if(
        &self,
        expr: &'a Expr,
        compiler: &Compiler<'_, 'a>,
    ) -> Result<Option<Frame>, Fault> {
        Ok(match self.tabular(expr, compiler)? {
            Some(Entity::Table(frame)) => Some(frame),
            _ => None,
        })
    }

    /// The table that an expression must be.
    pub(crate) fn table(&self, expr: &'a Expr, scope: &Scope<'a>) -> Result<Frame, Fault> {
        match self.entity(expr, &Compiler::constants(self, scope))? {
            Entity::Table(frame) => Ok(frame),
            // A query may be a bare value: `print` is implied.
            Entity::Scalar(typed) => self.single(&typed),
            Entity::Database => Err(scope.failed("a table is expected", expr.span)),
        }
    }

    fn single(&self, typed: &Typed) -> Result<Frame, Fault> {
        let value = typed.value(super::scalar::At::new(&[], 0, &self.context))?;
        let column = super::Column::new("print_0", typed.ty);
        Ok(Frame::new(vec![column], vec![vec![value]]))
    }

    fn tabular(&self, expr: &'a Expr, compiler: &Compiler<'_, 'a>) -> Result<Option<Entity>, Fault> {
        let scope = &compiler.scope;
        let _nested = self.enter(scope.place(expr.span))?;
        let frame = match &expr.kind {
            ExprKind::Paren(inner) => return self.tabular(inner, compiler),
            ExprKind::Pipeline(pipeline) => self.pipeline(pipeline, None, scope)?,
            ExprKind::Datatable(table) => self.datatable(table, scope)?,
            ExprKind::Externaldata(data) => self.externaldata(data, scope, expr.span)?,
            ExprKind::Materialize(query) => self.table(query, scope)?,
            ExprKind::ToTable(query) => self.table(&query.query, scope)?,
            ExprKind::DataScope(inner) => self.table(&inner.expr, scope)?,
            ExprKind::InlineExternalTable(_) => {
                return Err(scope.not_evaluated("inline_external_table", expr.span));
            }
            ExprKind::ContextualDatatable(_) | ExprKind::MaterializedViewCombine(_) => {
                return Err(scope.not_evaluated("this source of rows", expr.span));
            }
            ExprKind::EntityGroup(_) => return Err(scope.not_evaluated("entity_group", expr.span)),
            ExprKind::Name(name) => return self.named(&name.text, name.span, compiler),
            ExprKind::Bracketed(inner) => match &inner.kind {
                ExprKind::String(name) => return self.named(&name.value, inner.span, compiler),
                _ => return Ok(None),
            },
            ExprKind::Call(call) => return self.called(call, expr.span, compiler),
            ExprKind::Path(path) => match self.tabular(&path.base, compiler)? {
                // Another workspace's tables are those of the case, too.
                Some(Entity::Database) => return self.tabular(&path.selector, compiler),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(Entity::Table(frame)))
    }

    /// What a name stands for, if it is a table or a function that needs no arguments.
    fn named(&self, name: &'a str, span: Span, compiler: &Compiler<'_, 'a>) -> Result<Option<Entity>, Fault> {
        if compiler.find_column(name).is_some() {
            return Ok(None);
        }
        if let Some(meaning) = compiler.scope.find(name).cloned() {
            let meaning = match meaning {
                Meaning::Lazy(lazy) => self.force(&lazy, compiler)?,
                other => other,
            };
            return Ok(match meaning {
                Meaning::Table(frame) => Some(Entity::Table(frame)),
                Meaning::Function(user) => Some(self.call(&user, &[], None, compiler, span)?),
                Meaning::Database => Some(Entity::Database),
                Meaning::Scalar(_) | Meaning::Lazy(_) => None,
            });
        }
        if compiler.columns && compiler.rows.is_some() {
            // Where a value is expected, a name that is not known is a mistake in a column.
            return Ok(self.source(name, &compiler.scope, span).ok().map(Entity::Table));
        }
        if let Some(user) = self.stored(name) {
            return self.call(&user, &[], None, compiler, span).map(Some);
        }
        self.source(name, &compiler.scope, span).map(|frame| Some(Entity::Table(frame)))
    }

    /// A call of a function of the query or of the schema, with a table in front of it if it was invoked.
    pub(crate) fn call(
        &self,
        user: &Rc<User<'a>>,
        args: &'a [Expr],
        implicit: Option<Frame>,
        caller: &Compiler<'_, 'a>,
        span: Span,
    ) -> Result<Entity, Fault> {
        let _nested = self.enter(caller.scope.place(span))?;
        let call = if user.stored { Some(caller.scope.place(span)) } else { user.scope.call };
        let mut scope = Scope { call, ..user.scope.clone() };
        let parameters = &user.function.parameters;
        let mut given: Vec<Option<Meaning<'a>>> = vec![None; parameters.len()];
        let offset = usize::from(implicit.is_some());
        if let (Some(frame), Some(first)) = (implicit, given.first_mut()) {
            *first = Some(Meaning::Table(frame));
        }
        for (index, arg) in args.iter().enumerate() {
            let (place, value) = match &arg.kind {
                ExprKind::Named(named) => {
                    let name = named.names.first().map_or("", |name| &name.text);
                    (parameters.iter().position(|p| &*p.name.text == name), &named.value)
                }
                _ => (Some(index + offset), arg),
            };
            let place = place.and_then(|place| Some((parameters.get(place)?, given.get_mut(place)?)));
            let Some((parameter, slot)) = place else {
                return Err(caller.scope.failed(format!("{}() has no such parameter", user.name), arg.span));
            };
            *slot = Some(self.argument(parameter, value, caller)?);
        }
        for (parameter, given) in parameters.iter().zip(given) {
            let meaning = match given {
                Some(meaning) => meaning,
                None if parameter.default.is_some() => self.default(parameter, &user.scope)?,
                None => {
                    let message =
                        format!("the argument '{}' of {}() is missing", parameter.name.text, user.name);
                    return Err(caller.scope.failed(message, span));
                }
            };
            scope = scope.with(&parameter.name.text, meaning);
        }
        self.body(&user.function.body, scope, caller, span)
    }

    fn argument(
        &self,
        parameter: &'a Parameter,
        value: &'a Expr,
        caller: &Compiler<'_, 'a>,
    ) -> Result<Meaning<'a>, Fault> {
        if matches!(parameter.ty, TypeRef::Table(_)) {
            return match self.tabular(value, caller)? {
                Some(Entity::Table(frame)) => Ok(Meaning::Table(frame)),
                _ => Err(caller.scope.failed("a table is expected", value.span)),
            };
        }
        let typed = caller.compile(value)?;
        let ty = declared_type(&parameter.ty).unwrap_or(typed.ty);
        let typed = match (typed.as_constant(), typed.ty == ty) {
            (Some(constant), false) => Typed::constant(convert(constant, ty), ty),
            _ => typed,
        };
        let row = match typed.node {
            Node::Constant(_) => None,
            _ => caller.rows.map(|rows| rows.id),
        };
        Ok(Meaning::Scalar(Rc::new(Bound { value: Rc::new(typed), row })))
    }

    fn body(
        &self,
        body: &'a FunctionBody,
        scope: Scope<'a>,
        caller: &Compiler<'_, 'a>,
        span: Span,
    ) -> Result<Entity, Fault> {
        let scope = self.statements(&body.statements, scope)?;
        let Some(result) = &body.result else {
            return Err(caller.scope.failed("the function returns nothing", span));
        };
        let inner = Compiler { scope, columns: false, aggregates: None, right: None, ..caller.clone() };
        self.entity(result, &inner)
    }
}
