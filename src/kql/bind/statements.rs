//! Statements: `let`, parameters of a query, and the expression that is its result.

use super::Binder;
use super::expr::table_of;
use super::rows::LetLiteral;
use super::symbols::{Binding, Info, Sym, TableId, Value, Variable};
use crate::kql::schema::Name;
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind, Let, LetValue, Parameter, Query, Statement, StatementKind};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    /// Binds a whole query and gives its result: that of the last expression.
    pub(super) fn query(&mut self, query: &'a Query) -> Info<'a> {
        self.statements(&query.statements, self.cx.region.end)
    }

    /// Binds statements in order; `end` is where the last one's region ends.
    fn statements(&mut self, statements: &'a [Statement], end: u32) -> Info<'a> {
        let mut result = Info::of(Ty::Void);
        for (index, statement) in statements.iter().enumerate() {
            let next = statements.get(index + 1).map_or(end, |next| next.span.start);
            self.cx.region = Span::new(statement.span.start, next);
            match &statement.kind {
                StatementKind::Expr(expr) => result = self.result_expr(expr),
                _ => self.statement(statement),
            }
        }
        result
    }

    fn result_expr(&mut self, expr: &'a Expr) -> Info<'a> {
        let info = self.tabular(expr);
        self.remember_source(expr, info.ty);
        info
    }

    /// The columns after a source that no operator follows.
    fn remember_source(&mut self, expr: &Expr, ty: Ty) {
        if let Some(table) = table_of(ty)
            && !matches!(expr.kind, ExprKind::Pipeline(_))
        {
            self.remember_rows(expr.span.end, table);
        }
    }

    /// Binds a statement that is not an expression.
    pub(super) fn statement(&mut self, statement: &'a Statement) {
        match &statement.kind {
            StatementKind::Let(declaration) => self.let_statement(declaration),
            StatementKind::QueryParameters(parameters) => {
                for parameter in parameters {
                    self.query_parameter(parameter);
                }
            }
            StatementKind::Pattern(pattern) => {
                self.patterns = self.patterns.saturating_add(1);
                self.declare_variable(&pattern.name.text, Ty::Pattern(self.patterns));
            }
            StatementKind::Alias(alias) => {
                self.tabular(&alias.value);
            }
            // An option or a restriction changes nothing that is bound here.
            StatementKind::Set(_) | StatementKind::Restrict(_) => {}
            StatementKind::Expr(expr) => {
                self.result_expr(expr);
            }
        }
    }

    fn let_statement(&mut self, declaration: &'a Let) {
        let text: &'a str = &declaration.name.text;
        let name = self.names.intern(text);
        let sym = match &declaration.value {
            LetValue::Function(function) => self.declare_function(name, function),
            LetValue::Expr(expr) => self.let_value(text, expr),
        };
        if self.declared_in_block(name) {
            let what = format!("'{text}' is declared already");
            self.error("KQL201", declaration.name.span, what);
        }
        if !text.is_empty() {
            self.declare_name(name, sym);
        }
    }

    fn let_value(&mut self, name: &'a str, expr: &'a Expr) -> Sym {
        let info = self.expr(expr);
        self.remember_source(expr, info.ty);
        let ty = self.reduced(info.ty);
        if let Ty::Tuple(_) = ty {
            self.error("KQL139", expr.span, "several values cannot be assigned to one variable");
        }
        let literal = matches!(expr.kind, ExprKind::String(_) | ExprKind::Literal(_) | ExprKind::Dynamic(_));
        if literal && self.block == 0 && self.quiet == 0 {
            let parameter = LetLiteral { name: name.to_owned(), ty: ty.scalar(), span: expr.span };
            self.facts.parameters.push(parameter);
        }
        self.new_variable(Variable { ty, constant: info.constant, value: info.value })
    }

    fn query_parameter(&mut self, parameter: &'a Parameter) {
        let ty = self.declared_type(&parameter.ty);
        let value = parameter.default.as_ref().map(|default| {
            self.expr(default);
            Value { expr: default, source: self.text }
        });
        let variable = Variable { ty, constant: value.is_some(), value };
        let sym = self.new_variable(variable);
        let name = self.names.intern(&parameter.name.text);
        self.declare_name(name, sym);
    }

    /// Makes a name known from here on.
    pub(super) fn declare_name(&mut self, name: Name, sym: Sym) {
        self.bindings.push(Binding { name, sym, outer: self.scope_head, block: self.block });
        self.scope_head = u32::try_from(self.bindings.len().saturating_sub(1)).ok();
    }

    fn declared_in_block(&self, name: Name) -> bool {
        let mut at = self.scope_head;
        while let Some(binding) = at.and_then(|index| self.bindings.get(index as usize)) {
            if binding.block != self.block {
                return false;
            }
            if binding.name == name {
                return true;
            }
            at = binding.outer;
        }
        false
    }

    /// Binds the statements and the result of a function's body.
    pub(super) fn body(&mut self, body: &'a crate::kql::syntax::FunctionBody) -> Info<'a> {
        let end = body.span.end;
        self.statements(&body.statements, end);
        match &body.result {
            Some(result) => {
                let start = body.statements.last().map_or(body.span.start, |s| s.span.end);
                self.cx.region = Span::new(start, end);
                let info = self.expr(result);
                self.remember_source(result, info.ty);
                info
            }
            None => Info::of(Ty::Void),
        }
    }

    /// The tables of the views in scope, those matching `pattern` if given.
    pub(super) fn views(&mut self, pattern: Option<&str>) -> Vec<TableId> {
        let mut found = Vec::new();
        let mut at = self.scope_head;
        while let Some(&binding) = at.and_then(|index| self.bindings.get(index as usize)) {
            if let Sym::User(user) = binding.sym
                && self.is_view(user)
                && self.min_arguments(user) == 0
            {
                let name = self.names.text(binding.name);
                if pattern.is_none_or(|p| super::names::matches(p.as_bytes(), name.as_bytes()))
                    && let Ty::Table(table) = self.declared_result(user)
                {
                    found.push(TableId(table));
                }
            }
            at = binding.outer;
        }
        found.reverse();
        found
    }
}
