//! Types and schemas: `(a:string, b:long)`.

use super::super::keyword::Keyword as K;
use super::super::span::Span;
use super::super::syntax::{ColumnDecl, EvaluateSchema, Parameter, TableType, TypeRef};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;

impl Parser<'_> {
    /// True at the name of a scalar type; `extended` adds the old names that only some places take.
    pub(super) fn at_type(&self, extended: bool) -> bool {
        let T::Keyword(keyword) = self.peek() else { return false };
        match keyword {
            K::Bool
            | K::Boolean
            | K::Date
            | K::Datetime
            | K::Decimal
            | K::Double
            | K::Dynamic
            | K::Guid
            | K::Int
            | K::Int64
            | K::Int8
            | K::Long
            | K::Real
            | K::String
            | K::Time
            | K::Timespan
            | K::Uniqueid => true,
            K::Float
            | K::Int16
            | K::Int32
            | K::Uint
            | K::Uint16
            | K::Uint32
            | K::Uint64
            | K::Uint8
            | K::Ulong => extended,
            _ => false,
        }
    }

    /// A scalar type after `:`.
    pub(super) fn scalar_type(&mut self, extended: bool) -> TypeRef {
        if self.at_type(extended) {
            return TypeRef::Scalar(self.bare_name());
        }
        let span = self.here();
        if self.at_type(true) || Self::is_identifier(self.peek()) {
            let message = format!("`{}` is not a type that can be used here", self.text_at(0));
            self.error(SyntaxCode::InvalidType, message, span);
            return TypeRef::Scalar(self.bare_name());
        }
        let message = format!("expected a type{}", self.found());
        self.error(SyntaxCode::InvalidType, message, span);
        TypeRef::Missing(Span::at(self.last_end()))
    }

    /// `name:type`, where the type may be a schema.
    pub(super) fn column_decl_opt(&mut self) -> Option<ColumnDecl> {
        let start = self.here();
        let name = match self.declared_name_opt() {
            Some(name) => name,
            None if self.at(T::Colon) => self.missing_name(),
            None => return None,
        };
        self.expect(T::Colon, ":");
        let ty = match self.peek() {
            T::OpenParen => self
                .nested(Self::table_type_opt)
                .map_or_else(|| TypeRef::Missing(Span::at(self.last_end())), TypeRef::Table),
            _ => self.scalar_type(false),
        };
        Some(ColumnDecl { name, ty, span: self.since(start) })
    }

    pub(super) fn missing_column_decl(&mut self) -> ColumnDecl {
        let name = self.missing_name();
        let span = name.span;
        ColumnDecl { name, ty: TypeRef::Missing(span), span }
    }

    /// `name:type = default`
    pub(super) fn parameter_decl_opt(&mut self) -> Option<Parameter> {
        let start = self.here();
        let ColumnDecl { name, ty, .. } = self.column_decl_opt()?;
        let default = self.eat(T::Equal).map(|_| {
            self.literal_opt()
                .or_else(|| Self::is_identifier(self.peek()).then(|| Self::name_expr(self.bare_name())))
                .unwrap_or_else(|| self.missing_expr())
        });
        Some(Parameter { name, ty, default, span: self.since(start) })
    }

    pub(super) fn missing_parameter(&mut self) -> Parameter {
        let ColumnDecl { name, ty, span } = self.missing_column_decl();
        Parameter { name, ty, default: None, span }
    }

    fn table_type_opt(&mut self) -> Option<TableType> {
        let start = self.eat(T::OpenParen)?;
        let any = self.eat(T::Star).is_some();
        let columns = if any { Vec::new() } else { self.column_decls() };
        self.expect_close(T::CloseParen);
        Some(TableType { columns, any, span: self.since(start) })
    }

    fn column_decls(&mut self) -> Vec<ColumnDecl> {
        self.list(List::COMMON.trailing_comma(), Self::column_decl_opt, Self::missing_column_decl)
    }

    /// `(a:string, b:long)` of `datatable` and its like; commas may also stand before and after.
    pub(super) fn row_schema(&mut self) -> Vec<ColumnDecl> {
        if self.expect(T::OpenParen, "(").is_none() {
            return Vec::new();
        }
        self.eat(T::Comma);
        let columns = self.column_decls();
        self.expect_close(T::CloseParen);
        columns
    }

    /// `(*, a:string)` after `evaluate ... :`.
    pub(super) fn evaluate_schema(&mut self) -> EvaluateSchema {
        let start = self.here();
        if self.expect(T::OpenParen, "(").is_none() {
            return EvaluateSchema { star: false, columns: Vec::new(), span: Span::at(self.last_end()) };
        }
        self.eat(T::Comma);
        let star = self.eat(T::Star).is_some();
        self.eat(T::Comma);
        let columns = self.column_decls();
        self.expect_close(T::CloseParen);
        EvaluateSchema { star, columns, span: self.since(start) }
    }
}
