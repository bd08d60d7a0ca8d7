//! Functions that are not built in: declared by `let`, or stored in the workspace.
//!
//! A body is bound once where it is declared, so that its mistakes are reported once and in their place. Its result is
//! the result of every call, unless it depends on a table given as argument or on a table looked up by name: then the
//! body is bound again for each call, quietly and within a budget.

use super::call::Arg;
use super::rules::Conversion;
use super::symbols::{Info, Sym, TableId, Value, Variable};
use super::{Binder, Context, MAX_CALL_DEPTH, MAX_EXPANSIONS};
use crate::kql::schema::{Declaration, Name, PackedColumn};
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind, Function, FunctionBody, LetValue, Parameter, StatementKind};
use crate::kql::types::Ty;

/// A function that is not built in.
#[derive(Debug)]
pub(super) struct User<'a> {
    name: Name,
    /// The text its tree was made from.
    text: &'a str,
    parameters: Vec<UserParameter<'a>>,
    body: Body<'a>,
    /// What its body sees.
    scope: Option<u32>,
    result: Option<Ty>,
    /// The result depends on the call.
    varies: bool,
    view: bool,
    /// Its body is being bound: a call of itself is not followed.
    busy: bool,
    watchlist: bool,
}

#[derive(Debug, Clone, Copy)]
struct UserParameter<'a> {
    name: Name,
    ty: Ty,
    default: Option<&'a Expr>,
}

#[derive(Debug, Clone, Copy)]
enum Body<'a> {
    Tree(&'a FunctionBody),
    /// A stored function of which only the result is known.
    Columns(&'a [PackedColumn], bool),
    Unknown,
}

impl<'a> Binder<'a> {
    /// Declares and checks a function of the query.
    pub(super) fn declare_function(&mut self, name: Name, function: &'a Function) -> Sym {
        let parameters = self.user_parameters(&function.parameters);
        self.check_tabular_first(&function.parameters, &parameters);
        let (text, scope) = (self.text, self.scope_head);
        let looked_up = std::mem::replace(&mut self.looked_up, false);
        let result = self.bind_body(&function.body, scope, |binder| {
            for parameter in &parameters {
                let scalar = parameter.ty.is_scalar();
                let variable = Variable { ty: parameter.ty, constant: scalar, value: None };
                let sym = binder.new_variable(variable);
                binder.declare_name(parameter.name, sym);
            }
        });
        let tabular_in = parameters.iter().any(|p| matches!(p.ty, Ty::Table(_)));
        let varies =
            self.looked_up || tabular_in && matches!(result.ty, Ty::Table(_) | Ty::Error | Ty::Unknown);
        self.looked_up |= looked_up;
        let user = User {
            name,
            text,
            parameters,
            body: Body::Tree(&function.body),
            scope,
            result: Some(if result.ty.is_error() { Ty::Unknown } else { result.ty }),
            varies,
            view: function.view.is_some(),
            busy: false,
            watchlist: false,
        };
        self.add_user(user)
    }

    fn add_user(&mut self, user: User<'a>) -> Sym {
        self.users.push(user);
        Sym::User(u32::try_from(self.users.len() - 1).unwrap_or(u32::MAX))
    }

    fn user_parameters(&mut self, parameters: &'a [Parameter]) -> Vec<UserParameter<'a>> {
        let mut list = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            let ty = self.declared_type(&parameter.ty);
            if let Some(default) = &parameter.default {
                self.check_default(default, ty);
            }
            let name = self.names.intern(&parameter.name.text);
            list.push(UserParameter { name, ty, default: parameter.default.as_ref() });
        }
        list
    }

    fn check_default(&mut self, default: &'a Expr, ty: Ty) {
        if !matches!(default.kind, ExprKind::String(_) | ExprKind::Literal(_) | ExprKind::Dynamic(_)) {
            return;
        }
        let info = self.expr(default);
        let fits = info.ty.is_opaque()
            || ty.is_opaque()
            || ty == Ty::Dynamic && info.ty.is_dynamic()
            || self.assignable(ty, info.ty, Conversion::Compatible);
        if !fits {
            let what = format!("a value of type {} is expected, not {}", ty.name(), info.ty.name());
            self.error("KQL107", default.span, what);
        }
    }

    fn check_tabular_first(&mut self, declared: &'a [Parameter], parameters: &[UserParameter<'a>]) {
        let mut may_be_table = true;
        for (declared, parameter) in declared.iter().zip(parameters) {
            let table = matches!(parameter.ty, Ty::Table(_));
            if table && !may_be_table {
                self.error("KQL226", declared.span, "tabular parameters come before the others");
            }
            may_be_table = table;
        }
    }

    /// Binds a body in a scope of its own.
    fn bind_body(
        &mut self,
        body: &'a FunctionBody,
        scope: Option<u32>,
        declare: impl FnOnce(&mut Self),
    ) -> Info<'a> {
        let (cx, head, block) = (self.cx, self.scope_head, self.block);
        let next_column = std::mem::replace(&mut self.next_column, 1);
        let group_by = std::mem::take(&mut self.group_by);
        self.cx = Context::top(body.span);
        self.scope_head = scope;
        self.blocks = self.blocks.saturating_add(1);
        self.block = self.blocks;
        declare(self);
        let info = self.body(body);
        self.cx = cx;
        self.scope_head = head;
        self.block = block;
        self.next_column = next_column;
        self.group_by = group_by;
        info
    }

    /// A function of the schema, declared at its first mention.
    pub(super) fn stored_function(&mut self, text: &'a str) -> Option<u32> {
        let schema = self.schema;
        let facts = schema.function(text)?;
        let name = self.names.intern(text);
        if let Some(&known) = self.stored.get(&name) {
            return Some(known);
        }
        let declaration: &'a Declaration = facts.declaration();
        let function = declaration.parse.query.statements.first().and_then(|s| match &s.kind {
            StatementKind::Let(l) => match &l.value {
                LetValue::Function(function) => Some(function),
                LetValue::Expr(_) => None,
            },
            _ => None,
        });
        let text_before = std::mem::replace(&mut self.text, &declaration.text);
        let parameters = match function {
            Some(function) => self.quietly(|binder| binder.user_parameters(&function.parameters)),
            None => Vec::new(),
        };
        self.text = text_before;
        let body = match (facts.body.and(function), facts.columns) {
            (Some(function), _) => Body::Tree(&function.body),
            (None, Some(columns)) => Body::Columns(columns, facts.open),
            (None, None) => Body::Unknown,
        };
        let user = User {
            name,
            text: &declaration.text,
            parameters,
            body,
            scope: None,
            result: None,
            varies: matches!(body, Body::Tree(_)),
            view: false,
            busy: false,
            watchlist: text == "_GetWatchlist",
        };
        let Sym::User(index) = self.add_user(user) else { return None };
        self.stored.insert(name, index);
        Some(index)
    }

    fn user(&self, user: u32) -> Option<&User<'a>> {
        self.users.get(user as usize)
    }

    pub(super) fn is_view(&self, user: u32) -> bool {
        self.user(user).is_some_and(|u| u.view)
    }

    pub(super) fn min_arguments(&self, user: u32) -> usize {
        self.user(user).map_or(0, |u| u.parameters.iter().filter(|p| p.default.is_none()).count())
    }

    /// Whether the argument in that place is to be a table.
    pub(super) fn wants_table(&self, user: u32, index: usize) -> bool {
        let parameter = self.user(user).and_then(|u| u.parameters.get(index));
        parameter.is_some_and(|p| matches!(p.ty, Ty::Table(_)))
    }

    /// The result where nothing is known of the arguments.
    pub(super) fn declared_result(&mut self, user: u32) -> Ty {
        let Some(known) = self.user(user) else { return Ty::Unknown };
        if let Some(ty) = known.result {
            return ty;
        }
        let ty = match known.body {
            Body::Columns(columns, open) => {
                let columns = self.packed(columns);
                Ty::Table(self.new_table(columns, open).0)
            }
            Body::Tree(_) => return self.expand(user, &[]),
            Body::Unknown => self.open_result().ty,
        };
        if let Some(user) = self.users.get_mut(user as usize) {
            user.result = Some(ty);
        }
        ty
    }

    pub(super) fn call_without_arguments(&mut self, user: u32, span: Span) -> Info<'a> {
        self.call_user(user, &[], span)
    }

    pub(super) fn call_user(&mut self, user: u32, args: &[Arg<'a>], span: Span) -> Info<'a> {
        self.check_user_call(user, args, span);
        let Some(known) = self.user(user) else { return Info::of(Ty::Unknown) };
        let ty = if known.watchlist {
            self.watchlist(user, args)
        } else if known.varies {
            self.expand(user, args)
        } else {
            self.declared_result(user)
        };
        Info { sym: Sym::User(user), ..Info::of(ty) }
    }

    /// The parameter of each argument: by name if it is named, else by place.
    fn dealt(&self, user: u32, args: &[Arg<'a>]) -> Vec<Option<usize>> {
        let Some(known) = self.user(user) else { return Vec::new() };
        let place = |index: usize, arg: &Arg<'a>| match arg.name() {
            Some(name) => known.parameters.iter().position(|p| self.names.text(p.name) == name),
            None => (index < known.parameters.len()).then_some(index),
        };
        args.iter().enumerate().map(|(index, arg)| place(index, arg)).collect()
    }

    fn check_user_call(&mut self, user: u32, args: &[Arg<'a>], span: Span) {
        let Some(known) = self.user(user) else { return };
        let (count, all, min) = (args.len(), known.parameters.len(), self.min_arguments(user));
        let name = self.names.text(known.name).to_owned();
        if count < min || count > all {
            let what = if min == all {
                format!("{name}() takes {all} argument{}, not {count}", if all == 1 { "" } else { "s" })
            } else {
                format!("{name}() takes {min} to {all} arguments, not {count}")
            };
            self.error("KQL119", span, what);
            return;
        }
        let dealt = self.dealt(user, args);
        for (arg, parameter) in args.iter().zip(&dealt) {
            if parameter.is_none() && arg.name().is_some() {
                self.error("KQL195", arg.span, format!("{name}() has no parameter of this name"));
                return;
            }
        }
        for (arg, parameter) in args.iter().zip(&dealt) {
            let wanted = parameter.and_then(|p| self.user(user)?.parameters.get(p)).map(|p| p.ty);
            let Some(wanted @ Ty::Table(_)) = wanted else { continue };
            if arg.ty.is_opaque() {
                continue;
            }
            let Ty::Table(given) = arg.ty else {
                if !matches!(arg.ty, Ty::Group(_) | Ty::Graph(_)) {
                    self.error("KQL111", arg.span, "a table is expected");
                }
                continue;
            };
            if !self.is_open(TableId(given)) && !self.assignable(wanted, arg.ty, Conversion::None) {
                self.error("KQL249", arg.span, format!("the table lacks columns that {name}() needs"));
            }
        }
        let missing = self.user(user).and_then(|known| {
            let all = known.parameters.iter().enumerate();
            let mut unmet = all.filter(|(i, p)| p.default.is_none() && !dealt.contains(&Some(*i)));
            unmet.next().map(|(_, p)| self.names.text(p.name).to_owned())
        });
        if let Some(missing) = missing {
            self.error("KQL195", span, format!("the argument '{missing}' of {name}() is missing"));
        }
    }

    /// The result of a body for these arguments.
    fn expand(&mut self, user: u32, args: &[Arg<'a>]) -> Ty {
        let Some(known) = self.user(user) else { return Ty::Unknown };
        let Body::Tree(body) = known.body else { return Ty::Unknown };
        if known.busy {
            return Ty::Unknown;
        }
        if self.expansions >= MAX_EXPANSIONS || self.depth >= MAX_CALL_DEPTH {
            return match known.result {
                Some(ty) if ty.is_scalar() => ty,
                _ => self.open_result().ty,
            };
        }
        let (text, scope, parameters) = (known.text, known.scope, known.parameters.clone());
        let dealt = self.dealt(user, args);
        if let Some(user) = self.users.get_mut(user as usize) {
            user.busy = true;
        }
        self.expansions += 1;
        self.depth += 1;
        let text_before = std::mem::replace(&mut self.text, text);
        let looked_up = self.looked_up;
        let info = self.quietly(|binder| {
            binder.bind_body(body, scope, |binder| {
                for (index, parameter) in parameters.iter().enumerate() {
                    let given = dealt.iter().position(|p| *p == Some(index)).and_then(|i| args.get(i));
                    let variable = match given {
                        Some(arg) => Variable {
                            ty: if parameter.ty.is_scalar() { parameter.ty } else { arg.ty },
                            constant: arg.info.value.is_some(),
                            value: arg.info.value,
                        },
                        None => Variable {
                            ty: parameter.ty,
                            constant: parameter.default.is_some(),
                            value: parameter.default.map(|expr| Value { expr, source: binder.text }),
                        },
                    };
                    let sym = binder.new_variable(variable);
                    binder.declare_name(parameter.name, sym);
                }
            })
        });
        self.looked_up = looked_up;
        self.text = text_before;
        self.depth -= 1;
        if let Some(user) = self.users.get_mut(user as usize) {
            user.busy = false;
        }
        if info.ty.is_error() { Ty::Unknown } else { info.ty }
    }

    /// `_GetWatchlist("alias")`: the columns of its items, if the environment lists that watchlist.
    fn watchlist(&mut self, user: u32, args: &[Arg<'a>]) -> Ty {
        let schema = self.schema;
        let alias = args.first().and_then(|arg| self.string_value(arg));
        let Some(items) = alias.and_then(|alias| schema.watchlist(alias)) else {
            return self.declared_result(user);
        };
        let mut columns = match self.declared_result(user) {
            Ty::Table(table) => self.table_columns(table).to_vec(),
            _ => Vec::new(),
        };
        let known = self.names_of(&columns);
        for column in self.packed(items) {
            if !known.contains(&self.column(column).name) {
                columns.push(column);
            }
        }
        Ty::Table(self.new_table(columns, false).0)
    }
}
