//! Literals, `dynamic(...)`, `typeof(...)`, and the types and columns that a query declares.

use super::Binder;
use super::rules::Conversion;
use super::symbols::{Info, Sym, Value};
use crate::kql::schema::Name;
use crate::kql::span::Span;
use crate::kql::syntax::{ColumnDecl, Expr, Property, TypeOf, TypeRef};
use crate::kql::token::LiteralKind;
use crate::kql::types::{ScalarType, Ty};

impl<'a> Binder<'a> {
    pub(super) fn literal(&self, expr: &'a Expr, ty: Ty) -> Info<'a> {
        Info { value: Some(Value { expr, source: self.text }), ..Info::constant(ty) }
    }

    pub(super) fn scalar_literal(&mut self, expr: &'a Expr, kind: LiteralKind) -> Info<'a> {
        let ty = match kind {
            LiteralKind::String => Ty::String,
            LiteralKind::Long => Ty::Long,
            LiteralKind::Int => Ty::Int,
            LiteralKind::Real => Ty::Real,
            LiteralKind::Decimal => Ty::Decimal,
            LiteralKind::Bool => Ty::Bool,
            LiteralKind::Datetime => Ty::DateTime,
            LiteralKind::Timespan => Ty::TimeSpan,
            LiteralKind::Guid | LiteralKind::RawGuid => Ty::Guid,
        };
        if ty == Ty::Decimal && self.cx.in_dynamic {
            self.error("KQL215", expr.span, "a decimal cannot be part of a dynamic value");
        }
        self.literal(expr, ty)
    }

    pub(super) fn dynamic(&mut self, expr: &'a Expr, value: &'a Expr) -> Info<'a> {
        let inner = self.scoped(|binder| {
            binder.cx.in_dynamic = true;
            binder.expr(value)
        });
        self.literal(expr, inner.ty.as_dynamic())
    }

    pub(super) fn array(&mut self, items: &'a [Expr]) -> Info<'a> {
        let types: Vec<Ty> = items.iter().map(|item| self.expr(item).ty).collect();
        let element = self.common_of(&types, Conversion::None).unwrap_or(Ty::Dynamic);
        Info::of(self.array_of(element))
    }

    pub(super) fn object(&mut self, members: &'a [Property]) -> Info<'a> {
        let mut list: Vec<(Name, Ty)> = Vec::new();
        for member in members {
            let ty = self.expr(&member.value).ty;
            list.push((self.names.intern(&member.name), ty));
        }
        Info::of(self.new_bag(list))
    }

    pub(super) fn type_of(&mut self, expr: &'a Expr, type_of: &'a TypeOf) -> Info<'a> {
        let ty = match type_of {
            TypeOf::Scalar(name) => self.scalar_type(&name.text, name.span),
            TypeOf::Table { star, columns } => {
                let mut list = if *star { self.row_columns().to_vec() } else { Vec::new() };
                for column in columns {
                    let ty = self.declared_type(&column.ty);
                    list.push(self.column_named(&column.name.text, ty));
                }
                Ty::Table(self.new_table(list, *star && self.row_is_open()).0)
            }
        };
        Info { sym: Sym::TypeOf(ty), ..self.literal(expr, Ty::Type) }
    }

    pub(super) fn scalar_type(&mut self, name: &str, span: Span) -> Ty {
        match ScalarType::from_name(name) {
            Some(ty) => Ty::from(ty),
            None if name == "type" => Ty::Type,
            None => {
                if !name.is_empty() {
                    self.error("KQL160", span, format!("there is no type '{name}'"));
                }
                Ty::Error
            }
        }
    }

    /// The type after `:`; a table for `(a:string)`.
    pub(super) fn declared_type(&mut self, ty: &TypeRef) -> Ty {
        match ty {
            TypeRef::Scalar(name) => self.scalar_type(&name.text, name.span),
            TypeRef::Table(table) => {
                let mut columns = Vec::new();
                for column in &table.columns {
                    let ty = self.declared_type(&column.ty);
                    columns.push(self.column_named(&column.name.text, ty));
                }
                Ty::Table(self.new_table(columns, false).0)
            }
            TypeRef::Missing(_) => Ty::Error,
        }
    }

    /// Columns of a schema in brackets; a name may occur once.
    pub(super) fn declared_columns(&mut self, columns: &[ColumnDecl]) -> Vec<super::symbols::ColId> {
        let mut list = Vec::with_capacity(columns.len());
        let mut seen = super::FastSet::default();
        for column in columns {
            let ty = self.declared_type(&column.ty);
            let name = self.names.intern(&column.name.text);
            if seen.insert(name) {
                list.push(self.new_column(name, ty));
            } else {
                self.duplicate_column(&column.name.text, column.name.span);
            }
        }
        list
    }

    pub(super) fn duplicate_column(&mut self, name: &str, span: Span) {
        self.error("KQL171", span, format!("a column '{name}' is declared already"));
    }
}
