//! Calls: forms that do not evaluate all their arguments or that look at the row's columns, aggregates, the library, and
//! functions of the query.

use std::rc::Rc;
use std::sync::Arc;

use super::literal::type_of;
use super::{Aggregated, Compiler, Work};
use crate::kql::builtins::{BuiltinKind, Returns, builtins};
use crate::kql::eval::call::Context;
use crate::kql::eval::run::Entity;
use crate::kql::eval::scalar::{Applied, Node, Typed};
use crate::kql::eval::scope::Meaning;
use crate::kql::eval::value::Value;
use crate::kql::eval::{Fault, aggregate, arithmetic, functions};
use crate::kql::span::Span;
use crate::kql::syntax::{Call, ChainOp, Expr, ExprKind};
use crate::kql::types::ScalarType;

/// Functions that give another value each time: they cannot be tested.
const RANDOM: [&str; 2] = ["rand", "new_guid"];

impl<'a> Compiler<'_, 'a> {
    pub(super) fn call(&self, call: &'a Call, expr: &'a Expr) -> Result<Typed, Fault> {
        let name: &'a str = &call.name.text;
        let span = expr.span;
        if let Some(meaning) = self.scope.find(name).cloned()
            && let Meaning::Function(user) = meaning
        {
            return self.user(&user, call, span);
        }
        if let Some(found) = self.aggregates {
            if builtins().find(BuiltinKind::Aggregate, name).is_some() {
                return self.aggregate(call, found, span);
            }
        } else if builtins().find(BuiltinKind::Scalar, name).is_none()
            && builtins().find(BuiltinKind::Aggregate, name).is_some()
        {
            return Err(self.scope.failed(format!("the aggregate {name}() is not allowed here"), span));
        }
        if RANDOM.contains(&name) {
            return Err(self.scope.not_evaluated(format!("{name}()"), span));
        }
        if let Some(typed) = self.form(call, span)? {
            return Ok(typed);
        }
        if builtins().find(BuiltinKind::Scalar, name).is_none() {
            if let Some(user) = self.run.stored(name) {
                return self.user(&user, call, span);
            }
            return Err(match self.run.schema_has_function(name) {
                true => self.scope.not_evaluated(format!("{name}()"), span),
                false => self.scope.failed(format!("no function is named '{name}'"), span),
            });
        }
        self.library(call, span)
    }

    /// A function of the query or the schema that gives one value.
    fn user(
        &self,
        user: &Rc<crate::kql::eval::scope::User<'a>>,
        call: &'a Call,
        span: Span,
    ) -> Result<Typed, Fault> {
        match self.run.call(user, &call.arguments, None, self, span)? {
            Entity::Scalar(typed) => Ok(typed),
            Entity::Table(_) | Entity::Database => {
                let message = format!("{}() gives a table; a single value is expected here", user.name);
                Err(self.scope.failed(message, span))
            }
        }
    }

    fn library(&self, call: &'a Call, span: Span) -> Result<Typed, Fault> {
        let name: &str = &call.name.text;
        let Some(function) = functions::find(name) else {
            return Err(self.scope.not_evaluated(format!("{name}()"), call.name.span));
        };
        let mut args = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            match argument.kind {
                ExprKind::Star => {
                    return Err(self.scope.not_evaluated(format!("{name}(*)"), span));
                }
                _ => args.push(self.compile(argument)?),
            }
        }
        let types: Vec<ScalarType> = args.iter().map(|arg| arg.ty).collect();
        let returns = self.returns(BuiltinKind::Scalar, call, &types);
        let span = self.scope.place(span);
        let applied = Rc::new(Applied { function, args, types, returns, span });
        let children: Vec<&Typed> = applied.args.iter().collect();
        self.node(returns, &children, Node::Call(Rc::clone(&applied)), span)
    }

    fn aggregate(
        &self,
        call: &'a Call,
        found: &std::cell::RefCell<Vec<Aggregated>>,
        span: Span,
    ) -> Result<Typed, Fault> {
        let name: &str = &call.name.text;
        let inner = Compiler { columns: true, aggregates: None, ..self.clone() };
        let mut args = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            args.push(inner.compile(argument)?);
        }
        let types: Vec<ScalarType> = args.iter().map(|arg| arg.ty).collect();
        let returns = self.returns(BuiltinKind::Aggregate, call, &types);
        self.aggregated(name, args, returns, found, span)
    }

    /// Notes an aggregate and gives the column that its result will be.
    pub(crate) fn aggregated(
        &self,
        name: &str,
        args: Vec<Typed>,
        returns: ScalarType,
        found: &std::cell::RefCell<Vec<Aggregated>>,
        span: Span,
    ) -> Result<Typed, Fault> {
        let span = self.scope.place(span);
        let Some(aggregate) = aggregate::find(name) else {
            return Err(Fault::NotEvaluated { what: format!("{name}()"), span });
        };
        let mut found = found.borrow_mut();
        found.push(Aggregated { work: Work::Library(aggregate), args, returns, span });
        Ok(Typed::column(found.len() - 1, returns))
    }

    /// Notes what a row is picked by, or what is taken from it; gives its place.
    pub(crate) fn note(&self, work: Work, args: Vec<Typed>, returns: ScalarType, span: Span) -> usize {
        let Some(found) = self.aggregates else { return 0 };
        let mut found = found.borrow_mut();
        found.push(Aggregated { work, args, returns, span: self.scope.place(span) });
        found.len() - 1
    }

    /// The static type of a call, from the signatures.
    pub(crate) fn returns(&self, kind: BuiltinKind, call: &'a Call, types: &[ScalarType]) -> ScalarType {
        let Some(function) = builtins().find(kind, &call.name.text) else { return ScalarType::Unknown };
        let signature = super::returns::overload(function, types);
        match signature.map(|s| s.returns) {
            Some(Returns::TypeOf(index)) => {
                let named = call.arguments.get(usize::from(index)).and_then(type_of);
                named.unwrap_or(ScalarType::Unknown)
            }
            Some(Returns::LastTypeOf) => {
                call.arguments.last().and_then(type_of).unwrap_or(ScalarType::Unknown)
            }
            _ => super::returns::returned(function, signature, types),
        }
    }

    /// The forms of the language that are no plain functions; `None` for a plain one.
    fn form(&self, call: &'a Call, span: Span) -> Result<Option<Typed>, Fault> {
        let args = &call.arguments;
        Ok(Some(match (&*call.name.text, args.as_slice()) {
            ("iff" | "iif" | "case", [_, _, _, ..]) => self.choice(args, span)?,
            ("coalesce", [_, ..]) => {
                let parts = Rc::new(self.all(args)?);
                let ty = common(parts.iter().map(|part| part.ty));
                let children: Vec<&Typed> = parts.iter().collect();
                self.node(ty, &children, Node::Coalesce(Rc::clone(&parts)), span)?
            }
            ("not", [operand]) => {
                let operand = Rc::new(self.condition(operand)?);
                self.node(ScalarType::Bool, &[&operand], Node::Not(Rc::clone(&operand)), span)?
            }
            ("column_ifexists" | "columnifexists", [name, otherwise]) => {
                let Some(name) = self.constant_string(name) else {
                    let message = "the name of the column must be a constant text";
                    return Err(self.scope.failed(message, span));
                };
                match self.find_column(&name) {
                    Some(column) => column,
                    None => self.compile(otherwise)?,
                }
            }
            ("pack_all" | "bag_pack_columns", _) => self.pack_columns(call, span)?,
            ("pack_array", [only]) if matches!(only.kind, ExprKind::Star) => {
                return Err(self.scope.not_evaluated("pack_array(*)", span));
            }
            ("now", rest) => {
                let now = Typed::constant(Value::DateTime(self.context().now), ScalarType::DateTime);
                match rest {
                    [] => now,
                    [offset, ..] => self.shifted(ChainOp::Add, now, self.compile(offset)?, span)?,
                }
            }
            ("ago", [distance]) => {
                let now = Typed::constant(Value::DateTime(self.context().now), ScalarType::DateTime);
                self.shifted(ChainOp::Subtract, now, self.compile(distance)?, span)?
            }
            ("ingestion_time", []) => self.ingestion_time(),
            ("toscalar", [query]) => self.to_scalar(query)?,
            _ => return self.window(call, span),
        }))
    }

    fn shifted(&self, op: ChainOp, now: Typed, by: Typed, span: Span) -> Result<Typed, Fault> {
        let Some(ty) = arithmetic::result(op, now.ty, by.ty) else {
            return Err(self.scope.failed("a timespan is expected", span));
        };
        self.pair(ty, now, by, |pair| Node::Arithmetic(op, pair), span)
    }

    /// The service's own note of when a row came in. Fixtures say it in `_IngestionTime`, else it is the event's time.
    fn ingestion_time(&self) -> Typed {
        let names = ["_IngestionTime", "TimeGenerated", "Timestamp"];
        let column = names.iter().find_map(|name| self.find_column(name));
        column
            .filter(|column| column.ty == ScalarType::DateTime)
            .unwrap_or_else(|| Typed::constant(Value::Null, ScalarType::DateTime))
    }

    fn choice(&self, args: &'a [Expr], span: Span) -> Result<Typed, Fault> {
        let mut parts = Vec::with_capacity(args.len());
        let last = args.len() - 1;
        for (index, arg) in args.iter().enumerate() {
            let condition = index % 2 == 0 && index != last;
            parts.push(if condition { self.condition(arg)? } else { self.compile(arg)? });
        }
        let results = parts.iter().enumerate().filter(|(index, _)| index % 2 == 1 || *index == last);
        let types: Vec<ScalarType> = results.map(|(_, part)| part.ty).collect();
        // A dynamic among other types becomes what they are.
        let plain = types.iter().copied().filter(|ty| *ty != ScalarType::Dynamic);
        let ty = match plain.clone().next() {
            Some(_) => common(plain),
            None => common(types.iter().copied()),
        };
        let parts = Rc::new(parts);
        let children: Vec<&Typed> = parts.iter().collect();
        self.node(ty, &children, Node::Choice(Rc::clone(&parts)), span)
    }

    fn pack_columns(&self, call: &'a Call, span: Span) -> Result<Typed, Fault> {
        let all = &*call.name.text == "pack_all";
        let Some(rows) = self.rows.filter(|_| self.columns) else {
            return Err(self.scope.failed("there are no columns here", span));
        };
        let mut members: Vec<(Arc<str>, Typed)> = Vec::new();
        let mut ignore_empty = false;
        if all {
            if rows.frame.open {
                return Err(self
                    .scope
                    .not_evaluated("pack_all() of a table whose columns are not known", span));
            }
            if let Some(argument) = call.arguments.first() {
                ignore_empty = self.constant(argument)?.0.as_bool() == Some(true);
            }
            for (index, column) in rows.frame.columns.iter().enumerate() {
                members.push((Arc::clone(&column.name), Typed::column(index, column.ty)));
            }
        } else {
            for argument in &call.arguments {
                let typed = self.compile(argument)?;
                let name = self.expression_name(argument).unwrap_or_default();
                members.push((name.into(), typed));
            }
        }
        let members = Rc::new(members);
        // Not folded: there is nothing to fold but an empty bag.
        let height = members.iter().map(|(_, member)| member.height).max().unwrap_or(0).saturating_add(1);
        Ok(Typed { ty: ScalarType::Dynamic, height, node: Node::Pack(members, ignore_empty) })
    }

    pub(super) fn all(&self, args: &'a [Expr]) -> Result<Vec<Typed>, Fault> {
        args.iter().map(|arg| self.compile(arg)).collect()
    }

    /// A call of a library function by name, for operators that are made of one.
    pub(crate) fn apply(
        &self,
        name: &str,
        args: Vec<Typed>,
        returns: ScalarType,
        span: Span,
    ) -> Result<Typed, Fault> {
        let Some(function) = functions::find(name) else {
            return Err(self.scope.not_evaluated(format!("{name}()"), span));
        };
        let types: Vec<ScalarType> = args.iter().map(|arg| arg.ty).collect();
        let span = self.scope.place(span);
        let applied = Rc::new(Applied { function, args, types, returns, span });
        let children: Vec<&Typed> = applied.args.iter().collect();
        let context: &Context = self.context();
        Typed::build(returns, &children, Node::Call(Rc::clone(&applied)), context, span)
    }
}

/// The type that holds values of all of these.
pub(crate) fn common(types: impl Iterator<Item = ScalarType>) -> ScalarType {
    use ScalarType as T;
    let mut common: Option<ScalarType> = None;
    for ty in types {
        common = Some(match (common, ty) {
            (None, ty) => ty,
            (Some(known), ty) if known == ty => known,
            (Some(T::Unknown), _) | (_, T::Unknown) => T::Unknown,
            (Some(T::Int), T::Long) | (Some(T::Long), T::Int) => T::Long,
            (Some(T::Int | T::Long), T::Real) | (Some(T::Real), T::Int | T::Long) => T::Real,
            _ => T::Dynamic,
        });
    }
    common.unwrap_or(T::Unknown)
}
