//! Calls: which function a name means, its arguments in their scopes, and the result. Operators are calls, too.

use super::report::Severity;
use super::symbols::{Info, Sym, Value};
use super::{Binder, Context, Scope};
use crate::kql::builtins::{
    ArgKind, BuiltinKind, Function, Operator, Returns, Signature, operator_signatures,
};
use crate::kql::schema::Platform;
use crate::kql::span::Span;
use crate::kql::syntax::{self, Call, Expr, ExprKind};
use crate::kql::types::Ty;

/// An argument that has been bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arg<'a> {
    /// `None` for the input of `invoke` and for what an operator computed.
    pub(super) expr: Option<&'a Expr>,
    pub(super) info: Info<'a>,
    /// Its type; several values that are one value count as that.
    pub(super) ty: Ty,
    pub(super) span: Span,
}

/// What is being called, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callee<'n> {
    pub(super) name: &'n str,
    pub(super) span: Span,
    pub(super) operator: bool,
}

/// What the name of a call means.
#[derive(Clone, Copy, Debug)]
enum Target {
    Builtin(&'static Function, BuiltinKind),
    User(u32),
    /// Something callable of which nothing is known: the call has this type.
    Opaque(Ty),
    Unknown(Ty),
}

impl<'a> Binder<'a> {
    pub(super) fn arg(&self, expr: &'a Expr, info: Info<'a>) -> Arg<'a> {
        Arg { expr: Some(expr), info, ty: self.reduced(info.ty), span: expr.span }
    }

    /// The left operand of the next link of a chain.
    pub(super) fn computed(&self, expr: &'a Expr, info: Info<'a>) -> Arg<'a> {
        Arg { expr: None, info, ty: self.reduced(info.ty), span: expr.span }
    }

    /// Binds `name(arguments)`.
    pub(super) fn call(&mut self, call: &'a Call, tabular: bool) -> Info<'a> {
        let target = self.target(call, tabular);
        let path = self.cx.path.take();
        let info = match target {
            Target::Builtin(function, kind) => {
                self.facts.function(self.quiet, function.name);
                let mut args = self.arguments(call, Some((function, kind)));
                args.splice(0..0, self.implicit_argument());
                self.cx.path = path;
                self.call_builtin(call, function, &args)
            }
            Target::User(user) => {
                self.facts.function(self.quiet, &call.name.text);
                let mut args = self.user_arguments(call, user);
                args.splice(0..0, self.implicit_argument());
                self.call_user(user, &args, call.name.span)
            }
            Target::Opaque(ty) => {
                self.arguments(call, None);
                Info::of(ty)
            }
            Target::Unknown(ty) => {
                self.arguments(call, None);
                Info::of(ty)
            }
        };
        self.cx.path = path;
        info
    }

    /// The input of `invoke`, as the first argument of its call.
    fn implicit_argument(&self) -> Option<Arg<'a>> {
        let (ty, span) = self.cx.implicit?;
        Some(Arg { expr: None, info: Info::of(ty), ty, span })
    }

    fn target(&mut self, call: &'a Call, tabular: bool) -> Target {
        let name: &'a str = &call.name.text;
        if name.is_empty() {
            return Target::Opaque(Ty::Error);
        }
        if let Some(path) = self.cx.path {
            return self.member_target(path, &call.name, tabular);
        }
        let find = |kind| self.builtins.find(kind, name);
        match self.cx.scope {
            Scope::Plugin => {
                return match find(BuiltinKind::Plugin) {
                    Some(function) => Target::Builtin(function, BuiltinKind::Plugin),
                    None => self.unknown_plugin(&call.name),
                };
            }
            Scope::Aggregate => {
                if let Some(function) = find(BuiltinKind::Aggregate) {
                    return Target::Builtin(function, BuiltinKind::Aggregate);
                }
            }
            Scope::Normal => {}
        }
        if let Some(function) = find(BuiltinKind::Scalar).filter(|f| self.is_available(f)) {
            return Target::Builtin(function, BuiltinKind::Scalar);
        }
        let interned = self.names.intern(name);
        match self.local(interned) {
            Some(Sym::User(user)) => return Target::User(user),
            Some(Sym::Variable(id)) if matches!(self.variable(id).ty, Ty::Pattern(_)) => {
                return Target::Opaque(Ty::Unknown);
            }
            _ => {}
        }
        if let Some(user) = self.stored_function(name) {
            return Target::User(user);
        }
        self.unknown_function(&call.name, tabular)
    }

    /// `database("d").f()`, `cluster("c").database("d")`, `bag.f()`.
    fn member_target(&mut self, path: Ty, name: &'a syntax::Name, tabular: bool) -> Target {
        let text: &'a str = &name.text;
        let scalar = |binder: &Self| binder.builtins.find(BuiltinKind::Scalar, text);
        match path {
            Ty::Error => Target::Opaque(Ty::Error),
            ty if ty.is_dynamic() => Target::Opaque(Ty::Dynamic),
            Ty::Unknown | Ty::Pattern(_) | Ty::Group(_) => Target::Opaque(Ty::Unknown),
            Ty::Cluster | Ty::EntityGroup if text == "database" => match scalar(self) {
                Some(function) => Target::Builtin(function, BuiltinKind::Scalar),
                None => Target::Opaque(Ty::Database(false)),
            },
            Ty::Database(own) => {
                let by_name = ["table", "external_table", "materialized_view", "entity_group", "graph"];
                let function = by_name.contains(&text).then(|| scalar(self)).flatten();
                let stored = if own { self.stored_function(text) } else { None };
                match (function, stored) {
                    (Some(function), _) => Target::Builtin(function, BuiltinKind::Scalar),
                    (None, Some(user)) => Target::User(user),
                    (None, None) if !own => Target::Opaque(self.open_result().ty),
                    (None, None) => self.unknown_function(name, true),
                }
            }
            _ => self.unknown_function(name, tabular),
        }
    }

    fn unknown_plugin(&mut self, name: &'a syntax::Name) -> Target {
        let suggestion = self.nearest_function(&name.text, true);
        let what = format!("there is no plugin '{}'", name.text);
        self.report("KQL124", Severity::Error, name.span, what.into(), suggestion);
        Target::Unknown(Ty::Error)
    }

    fn unknown_function(&mut self, name: &'a syntax::Name, tabular: bool) -> Target {
        let text: &'a str = &name.text;
        if self.builtins.find(BuiltinKind::Aggregate, text).is_some() {
            let what = format!("the aggregate {text}() is not allowed here");
            self.error("KQL144", name.span, what);
            return Target::Unknown(Ty::Error);
        }
        if self.builtins.find(BuiltinKind::Plugin, text).is_some() {
            let what = format!("the plugin {text}() is only allowed after 'evaluate'");
            self.error("KQL126", name.span, what);
            return Target::Unknown(Ty::Error);
        }
        if self.schema.cross_resource() {
            match text {
                "workspace" | "app" | "resource" => return Target::Opaque(Ty::Database(true)),
                "adx" | "arg" => return Target::Opaque(Ty::Database(false)),
                _ => {}
            }
        }
        if self.cx.fuzzy {
            let what = format!("{text}() is not known: the fuzzy union leaves it out");
            self.warning("KQL205", name.span, what);
            return Target::Unknown(self.open_result().ty);
        }
        if text.starts_with("__") {
            // Functions of the service itself are not published.
            return Target::Opaque(if tabular { self.open_result().ty } else { Ty::Unknown });
        }
        let suggestion = self.nearest_function(text, false);
        let what = format!("no function is named '{text}'");
        let partial = self.schema.knowledge() == crate::kql::schema::Knowledge::Partial;
        let severity = if partial { Severity::Warning } else { Severity::Error };
        self.report("KQL211", severity, name.span, what.into(), suggestion);
        match (tabular, partial) {
            (true, _) => Target::Unknown(self.open_result().ty),
            (false, true) => Target::Unknown(Ty::Unknown),
            (false, false) => Target::Unknown(Ty::Error),
        }
    }

    /// Binds the arguments, each in the scope that its parameter asks for.
    fn arguments(
        &mut self,
        call: &'a Call,
        function: Option<(&'static Function, BuiltinKind)>,
    ) -> Vec<Arg<'a>> {
        let outer = self.cx;
        let inside_aggregate = function.is_some_and(|(_, kind)| kind == BuiltinKind::Aggregate);
        let scope = match outer.scope {
            Scope::Aggregate if !inside_aggregate => Scope::Aggregate,
            _ => Scope::Normal,
        };
        let single = function.and_then(|(f, _)| match f.signatures.as_slice() {
            [only] => Some(only),
            _ => None,
        });
        let mut args: Vec<Arg<'a>> = Vec::with_capacity(call.arguments.len());
        for (index, argument) in call.arguments.iter().enumerate() {
            self.cx = Context { scope, path: None, implicit: None, region: argument.span, ..outer };
            if let Some(signature) = single {
                self.argument_scope(signature, index, &args);
            }
            let info = self.argument(argument);
            args.push(self.arg(argument, info));
        }
        self.cx = outer;
        args
    }

    fn argument_scope(&mut self, signature: &'static Signature, index: usize, before: &[Arg<'a>]) {
        let Some(param) = signature.params.get(index).or(signature.params.last()) else { return };
        let first = before.first().map(|a| a.ty);
        match (param.arg, first) {
            (ArgKind::Aggregate, _) => self.cx.scope = Scope::Aggregate,
            (ArgKind::ColumnOfFirst | ArgKind::ColumnOfBoth, Some(Ty::Table(table))) => {
                self.cx.row = Some(super::symbols::TableId(table));
            }
            (ArgKind::Element, Some(Ty::Tuple(tuple))) => {
                let columns = std::sync::Arc::clone(&self.tuple(tuple).columns);
                self.cx.row = Some(self.new_table(columns, false));
            }
            _ => {}
        }
    }

    /// One argument; `*` means all columns of the input.
    fn argument(&mut self, argument: &'a Expr) -> Info<'a> {
        match argument.kind {
            ExprKind::Star => {
                let columns = self.row_columns();
                Info::of(self.new_tuple(columns, None))
            }
            _ => self.expr(argument),
        }
    }

    fn user_arguments(&mut self, call: &'a Call, user: u32) -> Vec<Arg<'a>> {
        // Defender takes the name of a column where the language has a string.
        let bare_name = &*call.name.text == "FileProfile"
            && self.schema.platform() != Platform::Sentinel
            && self.cx.implicit.is_some();
        let outer = self.cx;
        let mut args = Vec::with_capacity(call.arguments.len() + 1);
        let offset = usize::from(outer.implicit.is_some());
        for (index, argument) in call.arguments.iter().enumerate() {
            let scope = if outer.scope == Scope::Aggregate { Scope::Aggregate } else { Scope::Normal };
            self.cx = Context { scope, path: None, implicit: None, region: argument.span, ..outer };
            let info = match &argument.kind {
                ExprKind::Name(_) if index == 0 && bare_name => Info::constant(Ty::String),
                ExprKind::Name(name) if self.wants_table(user, index + offset) => self.bind_name(name, false),
                _ => self.argument(argument),
            };
            args.push(self.arg(argument, info));
        }
        self.cx = outer;
        args
    }

    fn call_builtin(&mut self, call: &'a Call, function: &'static Function, args: &[Arg<'a>]) -> Info<'a> {
        let callee = Callee { name: function.name, span: call.name.span, operator: false };
        let constant = function.folds && args.iter().all(|a| a.info.constant);
        let overloads = self.best_overloads(&function.signatures, args, false);
        let info = match *overloads {
            [signature] => {
                self.check_call(callee, signature, args);
                let ty = self.result(signature, args, Some((function, call)));
                let ty = self.sharper_dynamic(ty, &function.signatures, args, Some((function, call)));
                Info { sym: Sym::Builtin(function), constant, ..Info::of(ty) }
            }
            _ => {
                let min = function.signatures.iter().map(|s| s.min_args).min().unwrap_or(0);
                let max = function.signatures.iter().map(|s| s.max_args).max().unwrap_or(0);
                if args.is_empty() && min > 0 {
                    let what = format!("{}() takes {min} to {max} arguments", function.name);
                    self.error("KQL119", callee.span, what);
                } else if !args.iter().any(|a| a.ty.is_opaque()) {
                    let types: Vec<&str> = args.iter().map(|a| a.ty.name()).collect();
                    let what = format!(
                        "{}() does not take arguments of types ({})",
                        function.name,
                        types.join(", ")
                    );
                    self.error("KQL127", callee.span, what);
                }
                let ty = self.common_result(&overloads, args, Some((function, call)));
                Info { sym: Sym::Builtin(function), constant, ..Info::of(ty) }
            }
        };
        Info { column: self.converted_column(function, args, info.ty), ..info }
    }

    /// `tostring(x)` of a string is the column x itself.
    fn converted_column(
        &self,
        function: &Function,
        args: &[Arg<'a>],
        result: Ty,
    ) -> Option<super::symbols::ColId> {
        let converts = matches!(
            function.name,
            "tobool"
                | "todatetime"
                | "todecimal"
                | "todouble"
                | "todynamic"
                | "toguid"
                | "toint"
                | "tolong"
                | "toreal"
                | "tostring"
                | "totime"
                | "totimespan"
        );
        match args {
            [only] if converts => {
                let column = only.info.sym.column()?;
                (self.column(column).ty == result).then_some(column)
            }
            _ => None,
        }
    }

    /// Binds an operator to arguments that have been bound.
    pub(super) fn operator(
        &mut self,
        operator: Operator,
        args: &[Arg<'a>],
        span: Span,
        all_must_match: bool,
    ) -> Info<'a> {
        if let Some(info) = quick(operator, args) {
            return info;
        }
        let signatures = operator_signatures(operator);
        let overloads = self.best_overloads(signatures, args, all_must_match);
        let constant = args.iter().all(|a| a.info.constant);
        if let [signature] = *overloads {
            let callee = Callee { name: "", span, operator: true };
            self.check_call(callee, signature, args);
            let ty = match operator {
                Operator::Sign if signature.returns == Returns::Custom => sign_result(args),
                _ => self.result(signature, args, None),
            };
            let ty = self.sharper_dynamic(ty, signatures, args, None);
            return Info { sym: Sym::Other, constant, ..Info::of(ty) };
        }
        let overloads =
            if overloads.is_empty() { self.best_overloads(signatures, args, false) } else { overloads };
        if !args.iter().any(|a| a.ty.is_opaque()) {
            let types: Vec<&str> = args.iter().map(|a| a.ty.name()).collect();
            let written = span.of(self.text);
            let what = format!("the operator '{written}' is not defined for {}", types.join(" and "));
            self.error("KQL106", span, what);
        }
        Info { sym: Sym::Other, ..Info::of(self.common_result(&overloads, args, None)) }
    }

    /// A dynamic result whose content follows from dynamic arguments of known content.
    fn sharper_dynamic(
        &mut self,
        ty: Ty,
        overloads: &'static [Signature],
        args: &[Arg<'a>],
        call: Option<(&'static Function, &'a Call)>,
    ) -> Ty {
        if ty != Ty::Dynamic || !args.iter().any(|a| a.ty.dynamic_content().is_some()) {
            return ty;
        }
        let opened: Vec<Arg<'a>> =
            args.iter().map(|a| Arg { ty: a.ty.dynamic_content().unwrap_or(a.ty), ..*a }).collect();
        self.quietly(|binder| {
            let best = binder.best_overloads(overloads, &opened, false);
            let sharper = match *best {
                [signature] => binder.result(signature, &opened, call),
                _ => binder.common_result(&best, &opened, call),
            };
            if sharper.is_scalar() && !sharper.is_dynamic() && !sharper.is_unknown() {
                sharper.as_dynamic()
            } else {
                ty
            }
        })
    }

    /// The type of a call that several overloads could take.
    fn common_result(
        &mut self,
        overloads: &[&'static Signature],
        args: &[Arg<'a>],
        call: Option<(&'static Function, &'a Call)>,
    ) -> Ty {
        let Some((first, rest)) = overloads.split_first() else { return Ty::Error };
        let ty = self.result(first, args, call);
        for other in rest {
            let other = self.result(other, args, call);
            if !self.assignable(ty, other, super::rules::Conversion::None) {
                let unsure = args.iter().any(|a| a.ty.is_opaque());
                return if unsure { Ty::Unknown } else { Ty::Error };
            }
        }
        ty
    }

    /// The literal that an argument is, seen through a name for it and through constants.
    pub(super) fn string_value(&self, arg: &Arg<'a>) -> Option<&'a str> {
        arg.info.value.and_then(Value::string)
    }
}

/// The usual cases, without going through the overloads.
fn quick<'a>(operator: Operator, args: &[Arg<'a>]) -> Option<Info<'a>> {
    let [left, right] = args else { return None };
    let constant = left.info.constant && right.info.constant;
    let plain = |ty: Ty| matches!(ty, Ty::String | Ty::Long | Ty::Int | Ty::DateTime | Ty::Bool | Ty::Real);
    let holds = match operator {
        Operator::AndOr => left.ty == Ty::Bool && right.ty == Ty::Bool,
        Operator::Equal | Operator::NotEqual => plain(left.ty) && plain(right.ty) && !left.is_star(),
        Operator::HasTerm | Operator::TextMatch => left.ty == Ty::String && right.ty == Ty::String,
        Operator::Order => {
            left.ty == right.ty && matches!(left.ty, Ty::DateTime | Ty::Long | Ty::Int | Ty::Real)
        }
        _ => false,
    };
    holds.then(|| Info { sym: Sym::Other, constant, ..Info::of(Ty::Bool) })
}

/// `-x` of an `int` column is a `long`; a constant keeps its type.
fn sign_result(args: &[Arg<'_>]) -> Ty {
    match args {
        [only] if only.ty == Ty::Int && !only.info.constant => Ty::Long,
        [only] => only.ty,
        _ => Ty::Unknown,
    }
}
