//! The tree as text: for `palisade kql ast`, and for tests that state what a query means.
//!
//! One S-expression for each statement. Heads are named like the tree's types in lower case; names and constants
//! stand as written. White space, comments and brackets of the query do not show, so two texts that mean the same
//! have the same dump; the form is meant to stay the same between versions.

mod operators;
mod sexp;

use super::span::Span;
use super::syntax::*;
use sexp::{Sexp, atom, node, quoted};

/// The tree of `query`, parsed from `text`, one statement after the other.
#[must_use]
pub fn dump(query: &Query, text: &str) -> String {
    let dumper = Dumper { text };
    let mut out = String::new();
    for directive in &query.directives {
        out.push_str(&node("directive", vec![quoted(dumper.text_of(*directive))]).to_string());
        out.push('\n');
    }
    for statement in &query.statements {
        out.push_str(&dumper.statement(statement).to_string());
        out.push('\n');
    }
    out
}

struct Dumper<'t> {
    text: &'t str,
}

impl Dumper<'_> {
    fn text_of(&self, span: Span) -> &str {
        span.of(self.text)
    }

    fn statement(&self, statement: &Statement) -> Sexp {
        match &statement.kind {
            StatementKind::Let(item) => node("let", vec![self.name(&item.name), self.let_value(&item.value)]),
            StatementKind::Set(item) => node(
                "set",
                [self.name(&item.name)].into_iter().chain(self.maybe(item.value.as_ref())).collect(),
            ),
            StatementKind::QueryParameters(items) => {
                node("query-parameters", items.iter().map(|p| self.parameter(p)).collect())
            }
            StatementKind::Alias(item) => node("alias", vec![self.name(&item.name), self.expr(&item.value)]),
            StatementKind::Pattern(item) => self.pattern(item),
            StatementKind::Restrict(item) => {
                let properties = self.parameters(&item.properties);
                node("restrict", self.exprs(&item.entities).into_iter().chain(properties).collect())
            }
            StatementKind::Expr(expr) => self.expr(expr),
        }
    }

    fn let_value(&self, value: &LetValue) -> Sexp {
        match value {
            LetValue::Expr(expr) => self.expr(expr),
            LetValue::Function(function) => {
                let head = if function.view.is_some() { "view" } else { "function" };
                let parameters =
                    node("parameters", function.parameters.iter().map(|p| self.parameter(p)).collect());
                node(head, vec![parameters, self.body(&function.body)])
            }
        }
    }

    fn body(&self, body: &FunctionBody) -> Sexp {
        let statements = body.statements.iter().map(|s| self.statement(s));
        node("body", statements.chain(self.maybe(body.result.as_ref())).collect())
    }

    fn pattern(&self, pattern: &Pattern) -> Sexp {
        let mut parts = vec![self.name(&pattern.name)];
        parts.push(node("parameters", self.columns(&pattern.parameters)));
        parts.extend(pattern.path.as_ref().map(|path| node("path", vec![self.column(path)])));
        for case in &pattern.matches {
            let mut match_parts = self.exprs(&case.arguments);
            match_parts.extend(self.maybe(case.path.as_ref()));
            match_parts.push(self.body(&case.body));
            parts.push(node("match", match_parts));
        }
        node("pattern", parts)
    }

    fn parameter(&self, parameter: &Parameter) -> Sexp {
        let parts = vec![self.name(&parameter.name), self.ty(&parameter.ty)];
        node(":", parts.into_iter().chain(self.maybe(parameter.default.as_ref())).collect())
    }

    fn column(&self, column: &ColumnDecl) -> Sexp {
        node(":", vec![self.name(&column.name), self.ty(&column.ty)])
    }

    fn columns(&self, columns: &[ColumnDecl]) -> Vec<Sexp> {
        columns.iter().map(|c| self.column(c)).collect()
    }

    fn ty(&self, ty: &TypeRef) -> Sexp {
        match ty {
            TypeRef::Scalar(name) => self.name(name),
            TypeRef::Table(table) if table.any => node("table", vec![atom("*")]),
            TypeRef::Table(table) => node("table", self.columns(&table.columns)),
            TypeRef::Missing(_) => atom("<missing>"),
        }
    }

    fn name(&self, name: &Name) -> Sexp {
        match name.form {
            _ if name.is_missing() => atom("<missing>"),
            NameForm::Bare => atom(&name.text),
            NameForm::Bracketed => Sexp::Atom(format!("[{}]", quoted(&name.text))),
            NameForm::Braced => Sexp::Atom(format!("{{{}}}", name.text)),
        }
    }

    fn names(&self, names: &[Name]) -> Vec<Sexp> {
        names.iter().map(|n| self.name(n)).collect()
    }

    fn exprs(&self, exprs: &[Expr]) -> Vec<Sexp> {
        exprs.iter().map(|e| self.expr(e)).collect()
    }

    fn maybe(&self, expr: Option<&Expr>) -> Option<Sexp> {
        expr.map(|e| self.expr(e))
    }

    fn parameters(&self, parameters: &[OperatorParameter]) -> Option<Sexp> {
        let items = parameters.iter().map(|p| self.operator_parameter(p)).collect::<Vec<_>>();
        (!items.is_empty()).then(|| node("with", items))
    }

    fn operator_parameter(&self, parameter: &OperatorParameter) -> Sexp {
        let value = match parameter.columns.is_empty() {
            true => vec![self.expr(&parameter.value)],
            false => self.names(&parameter.columns),
        };
        node("=", [self.name(&parameter.name)].into_iter().chain(value).collect())
    }

    fn expr(&self, expr: &Expr) -> Sexp {
        match &expr.kind {
            ExprKind::Missing => atom("<missing>"),
            ExprKind::Name(name) => self.name(name),
            ExprKind::Wildcard(text) => node("wildcard", vec![atom(text)]),
            ExprKind::Star => atom("*"),
            ExprKind::At => atom("@"),
            ExprKind::String(literal) => quoted(&literal.value),
            ExprKind::Literal(_) => atom(self.text_of(expr.span)),
            ExprKind::Null => atom("null"),
            ExprKind::Dynamic(value) => node("dynamic", vec![self.expr(value)]),
            ExprKind::Array(items) => node("array", self.exprs(items)),
            ExprKind::Object(items) => node(
                "object",
                items.iter().map(|p| Sexp::List(vec![quoted(&p.name), self.expr(&p.value)])).collect(),
            ),
            ExprKind::TypeOf(value) => self.type_of(value),
            ExprKind::Call(call) => {
                node("call", [self.name(&call.name)].into_iter().chain(self.exprs(&call.arguments)).collect())
            }
            ExprKind::Path(path) => node(".", vec![self.expr(&path.base), self.expr(&path.selector)]),
            ExprKind::Index(index) => node("index", vec![self.expr(&index.base), self.expr(&index.index)]),
            ExprKind::Bracketed(inner) => node("bracketed", vec![self.expr(inner)]),
            ExprKind::Unary(unary) => {
                node(if unary.negative { "neg" } else { "pos" }, vec![self.expr(&unary.operand)])
            }
            ExprKind::Chain(chain) => self.chain(chain),
            ExprKind::Binary(binary) => {
                node(self.text_of(binary.op_span), vec![self.expr(&binary.left), self.expr(&binary.right)])
            }
            ExprKind::In(test) => {
                let parts = [self.expr(&test.left)].into_iter().chain(self.exprs(&test.list));
                node(self.text_of(test.op_span), parts.collect())
            }
            ExprKind::Between(test) => {
                let parts = vec![self.expr(&test.left), self.expr(&test.low), self.expr(&test.high)];
                node(self.text_of(test.op_span), parts)
            }
            ExprKind::Named(named) => {
                let names = self.names(&named.names);
                let names = if named.list { vec![Sexp::List(names)] } else { names };
                node("=", names.into_iter().chain([self.expr(&named.value)]).collect())
            }
            ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Pipeline(pipeline) => {
                let source = self.maybe(pipeline.source.as_ref());
                node(
                    "pipeline",
                    source.into_iter().chain(pipeline.operators.iter().map(|o| self.operator(o))).collect(),
                )
            }
            ExprKind::ToScalar(conversion) => self.conversion("toscalar", conversion),
            ExprKind::ToTable(conversion) => self.conversion("totable", conversion),
            ExprKind::Materialize(query) => node("materialize", vec![self.expr(query)]),
            ExprKind::EntityGroup(items) => node("entity-group", self.exprs(items)),
            ExprKind::DataScope(scope) => {
                node("datascope", vec![self.name(&scope.scope), self.expr(&scope.expr)])
            }
            other => self.table(other),
        }
    }

    /// `a - b - c` is `(- a b c)`; mixed operators of one level nest from the left.
    fn chain(&self, chain: &Chain) -> Sexp {
        let mut parts = vec![self.expr(&chain.first)];
        let mut op = chain.rest.first().map(|link| link.op);
        let mut op_span = chain.rest.first().map_or(Span::at(0), |link| link.op_span);
        for link in &chain.rest {
            if op != Some(link.op) {
                parts = vec![node(self.text_of(op_span), parts)];
                op = Some(link.op);
                op_span = link.op_span;
            }
            parts.push(self.expr(&link.operand));
        }
        node(self.text_of(op_span), parts)
    }

    fn type_of(&self, value: &TypeOf) -> Sexp {
        match value {
            TypeOf::Scalar(name) => node("typeof", vec![self.name(name)]),
            TypeOf::Table { star, columns } => {
                let star = star.then(|| atom("*"));
                node("typeof", star.into_iter().chain(self.columns(columns)).collect())
            }
        }
    }

    fn conversion(&self, head: &str, conversion: &Conversion) -> Sexp {
        let kind = conversion.kind.as_ref().map(|k| self.operator_parameter(k));
        node(head, kind.into_iter().chain([self.expr(&conversion.query)]).collect())
    }

    /// Expressions that are tables by their form.
    fn table(&self, kind: &ExprKind) -> Sexp {
        match kind {
            ExprKind::Datatable(table) => {
                let schema = node("columns", self.columns(&table.columns));
                node("datatable", vec![schema, node("values", self.exprs(&table.values))])
            }
            ExprKind::Externaldata(data) => {
                let parts =
                    vec![node("columns", self.columns(&data.columns)), node("uris", self.exprs(&data.uris))];
                node("externaldata", parts.into_iter().chain(self.parameters(&data.properties)).collect())
            }
            ExprKind::InlineExternalTable(table) => {
                let parts = vec![
                    self.name(&table.kind),
                    node("columns", self.columns(&table.columns)),
                    node("uris", self.exprs(&table.uris)),
                ];
                node(
                    "inline-external-table",
                    parts.into_iter().chain(self.parameters(&table.properties)).collect(),
                )
            }
            ExprKind::ContextualDatatable(table) => {
                let schema = node("columns", self.columns(&table.columns));
                node("contextual-datatable", vec![self.expr(&table.id), schema])
            }
            ExprKind::MaterializedViewCombine(view) => node(
                "materialized-view-combine",
                self.exprs(&[
                    view.view.clone(),
                    view.base.clone(),
                    view.delta.clone(),
                    view.aggregations.clone(),
                ]),
            ),
            _ => atom("<unknown>"),
        }
    }
}
