//! Tables written into a query or read from elsewhere: `datatable`, `externaldata` and their rarer like.

use super::super::keyword::Keyword as K;
use super::super::span::Span;
use super::super::syntax::{
    Call, ContextualDatatable, Datatable, Expr, ExprKind, Externaldata, InlineExternalTable,
    MaterializedViewCombine, OperatorParameter, TablePartition, TypeRef,
};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;

impl Parser<'_> {
    pub(super) fn datatable(&mut self) -> Expr {
        let start = self.bump();
        let parameters = self.parameters(&[], false);
        let columns = self.row_schema();
        self.expect(T::OpenBracket, "[");
        self.eat(T::Comma);
        let values = self.list(List::COMMON.trailing_comma(), Self::literal_opt, Parser::missing_expr);
        self.expect_close(T::CloseBracket);
        self.node(start, ExprKind::Datatable(Box::new(Datatable { parameters, columns, values })))
    }

    pub(super) fn contextual_datatable(&mut self) -> Expr {
        let start = self.bump();
        let id = self.literal_opt().unwrap_or_else(|| self.expr());
        let columns = self.row_schema();
        self.node(start, ExprKind::ContextualDatatable(Box::new(ContextualDatatable { id, columns })))
    }

    pub(super) fn externaldata(&mut self) -> Expr {
        let start = self.bump();
        let parameters = self.parameters(&[], false);
        let columns = self.row_schema();
        self.expect(T::OpenBracket, "[");
        let uris = self.uris();
        self.expect_close(T::CloseBracket);
        let properties = self.with_properties();
        let data = Externaldata { parameters, columns, uris, properties };
        self.node(start, ExprKind::Externaldata(Box::new(data)))
    }

    fn uris(&mut self) -> Vec<Expr> {
        self.list(List::COMMON.trailing_comma(), Self::query_expr_opt, Parser::missing_expr)
    }

    /// `with (name = value)`, if written.
    pub(super) fn with_properties(&mut self) -> Vec<OperatorParameter> {
        if self.eat_keyword(K::With).is_some() { self.property_list() } else { Vec::new() }
    }

    /// `inline_external_table (schema) kind=... partition by (...) pathformat=(...) dataformat=... (uris) with (...)`.
    /// The word alone is a name.
    pub(super) fn inline_external_table_opt(&mut self) -> Option<Expr> {
        let schema_or_kind = matches!(self.peek_at(1), T::OpenParen | T::Keyword(K::Kind));
        if !self.at_keyword(K::InlineExternalTable) || !schema_or_kind {
            return None;
        }
        let start = self.bump();
        let has_schema = self.at(T::OpenParen);
        let columns = if has_schema { self.row_schema() } else { Vec::new() };
        let index = self.pos;
        self.expect_keyword(K::Kind);
        self.expect(T::Equal, "=");
        let kind = self.one_of(&["storage", "delta"]);
        let needs_all = !kind.text.eq_ignore_ascii_case("delta");
        if needs_all && !has_schema {
            let message = "expected a schema such as `(a:string)` before `kind`";
            self.error_at(index, SyntaxCode::MissingToken, message, start);
        }
        let partitions = match self.eat_keyword(K::Partition) {
            Some(_) => self.table_partitions(),
            None => Vec::new(),
        };
        let path = match self.eat_keyword(K::Pathformat) {
            Some(_) => self.path_format(),
            None => Vec::new(),
        };
        let mut format = None;
        if needs_all || self.at_keyword(K::Dataformat) {
            self.expect_keyword(K::Dataformat);
            self.expect(T::Equal, "=");
            format = Some(if self.at(T::Identifier) { self.bare_name() } else { self.missing_name() });
        }
        let uris = self.parenthesised(Self::uris);
        let properties = self.with_properties();
        let table = InlineExternalTable { columns, kind, partitions, path, format, uris, properties };
        Some(self.node(start, ExprKind::InlineExternalTable(Box::new(table))))
    }

    /// `by (name:type = value, ...)`
    fn table_partitions(&mut self) -> Vec<TablePartition> {
        self.expect_keyword(K::By);
        self.parenthesised(|p| {
            p.eat(T::Comma);
            p.list(List::COMMON.trailing_comma(), Self::table_partition_opt, |p| TablePartition {
                name: p.missing_name(),
                ty: TypeRef::Missing(Span::at(p.last_end())),
                value: None,
            })
        })
    }

    fn table_partition_opt(&mut self) -> Option<TablePartition> {
        let name = self.declared_name_opt()?;
        self.expect(T::Colon, ":");
        let ty = match self.peek() {
            T::Keyword(K::Datetime | K::Long | K::String) => TypeRef::Scalar(self.bare_name()),
            _ => {
                let span = self.here();
                let message = format!("expected datetime, long or string{}", self.found());
                self.error(SyntaxCode::InvalidType, message, span);
                TypeRef::Missing(Span::at(self.last_end()))
            }
        };
        // The `=` may be followed by nothing.
        let value = self.eat(T::Equal).and_then(|_| self.expr_opt());
        Some(TablePartition { name, ty, value })
    }

    /// `= ("x" datetime_pattern("yyyy", a) "/" b)`: at least one column, text between them.
    fn path_format(&mut self) -> Vec<Expr> {
        self.expect(T::Equal, "=");
        self.parenthesised(|p| {
            let mut parts: Vec<Expr> = p.single_string_opt().into_iter().collect();
            let text_first = parts.len();
            while let Some(column) = p.path_column_opt() {
                parts.push(column);
                parts.extend(p.single_string_opt());
            }
            if parts.len() == text_first {
                parts.push(p.missing_expr());
            }
            parts
        })
    }

    /// `a` or `datetime_pattern("yyyy", a)`
    fn path_column_opt(&mut self) -> Option<Expr> {
        if !self.at_keyword(K::DatetimePattern) {
            return self.name_opt().map(Self::name_expr);
        }
        let start = self.here();
        let name = self.bare_name();
        let open = self.here();
        self.expect(T::OpenParen, "(");
        let pattern = self.single_string_opt();
        self.expect(T::Comma, ",");
        let column = self.name_opt().map(Self::name_expr);
        self.expect_close(T::CloseParen);
        let arguments = pattern.into_iter().chain(column).collect();
        let arguments_span = self.since(open);
        Some(self.node(start, ExprKind::Call(Box::new(Call { name, arguments, arguments_span }))))
    }

    pub(super) fn view_combine(&mut self) -> Expr {
        let start = self.bump();
        let view = self.parenthesised(Self::query_expr);
        let base = self.combine_part("base");
        let delta = self.combine_part("delta");
        self.one_of(&["aggregations"]);
        let aggregations = self.parenthesised(|p| {
            let operator = if p.at_keyword(K::Summarize) { p.operator_opt(None) } else { None };
            p.pipeline_node(None, operator.into_iter().collect()).unwrap_or_else(|| p.missing_expr())
        });
        let combine = MaterializedViewCombine { view, base, delta, aggregations };
        self.node(start, ExprKind::MaterializedViewCombine(Box::new(combine)))
    }

    fn combine_part(&mut self, word: &'static str) -> Expr {
        self.one_of(&[word]);
        self.parenthesised(Self::query_expr)
    }
}
