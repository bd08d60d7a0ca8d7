//! Operators that take values apart: `mv-expand`, `mv-apply`, `parse`, `parse-where`, `parse-kv`.

use super::params;
use super::projection::{Projection, Style};
use super::symbols::{ColId, Info, Sym, TableId};
use super::{Binder, FastSet};
use crate::kql::schema::Name;
use crate::kql::syntax::{
    Expr, MvApply, MvExpand, MvItem, OperatorParameter, Parse, ParseKv, ParsePart, TypeRef,
};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    pub(super) fn mv_expand(&mut self, expand: &'a MvExpand) -> Ty {
        let projection = self.expanded(&expand.parameters, &expand.items, params::MV_EXPAND).0;
        if let Some(limit) = &expand.limit {
            self.check_integer(limit);
        }
        self.rows_of(projection.columns())
    }

    /// The input with expanded items, and the columns that are expanded as they are.
    fn expanded(
        &mut self,
        parameters: &'a [OperatorParameter],
        items: &'a [MvItem],
        known: params::Params,
    ) -> (Projection, Vec<ColId>) {
        let infos: Vec<(Info<'a>, Option<Ty>)> = items
            .iter()
            .map(|item| {
                let info = self.item(&item.expr);
                (info, item.to.as_ref().and_then(|to| self.type_named(to)))
            })
            .collect();
        self.check_parameters(parameters, known);
        let base = self.row_columns();
        let mut projection = Projection::starting_with(self, &base);
        let mut applied = Vec::new();
        for (item, (info, to)) in items.iter().zip(infos) {
            let ty = self.reduced(info.ty);
            if !ty.is_dynamic() && !ty.is_opaque() && ty != Ty::Void {
                let what = format!("a dynamic value is expected, not {}", ty.name());
                self.error("KQL107", Self::value_of(&item.expr).span, what);
            }
            let element = match (to, ty) {
                (Some(to), _) => to,
                (None, Ty::Array(_)) => self.array_element(ty).as_dynamic(),
                (None, Ty::Bag(_))
                    if params::word(parameters, &["bagexpansion", "kind"]) == Some("array") =>
                {
                    Ty::ARRAY
                }
                (None, Ty::Bag(_)) => Ty::BAG,
                (None, ty) if ty.is_dynamic() => Ty::Dynamic,
                (None, ty) => ty,
            };
            if let (Sym::Column(column), false) = (info.sym, is_named(&item.expr)) {
                applied.push(column);
            }
            self.project_bound(&mut projection, &item.expr, info, Style::Replace, Some(element), false);
        }
        if let Some(index) = params::word(parameters, &["with_itemindex"]) {
            let column = self.column_named(index, Ty::Long);
            self.add(&mut projection, column, None, false, false);
        }
        (projection, applied)
    }

    /// The type that `typeof(...)` names.
    fn type_named(&mut self, to: &'a Expr) -> Option<Ty> {
        match self.expr(to).sym {
            Sym::TypeOf(ty) if !ty.is_error() => Some(ty),
            _ => Some(Ty::Unknown),
        }
    }

    pub(super) fn mv_apply(&mut self, apply: &'a MvApply) -> Ty {
        let (projection, applied) = self.expanded(&apply.parameters, &apply.items, params::MV_APPLY);
        if let Some(limit) = &apply.limit {
            self.check_integer(limit);
        }
        if let Some(id) = &apply.id {
            self.expr(id);
        }
        let inner = self.rows_of(projection.columns());
        let outer = self.cx.row;
        let result = self.scoped(|binder| {
            binder.cx.row = super::expr::table_of(inner);
            binder.piped_query(apply.subquery.span, &apply.subquery)
        });
        let mut projection = Projection::default();
        if let Some(outer) = outer {
            for &column in self.declared(outer).iter() {
                if !applied.contains(&column) {
                    self.add(&mut projection, column, None, false, true);
                }
            }
        }
        let open = match result.ty {
            Ty::Table(table) => {
                for &column in self.all_columns(TableId(table)).iter() {
                    self.add(&mut projection, column, None, true, false);
                }
                self.is_open(TableId(table))
            }
            _ => true,
        };
        let open = open || self.row_is_open();
        Ty::Table(self.new_table(projection.columns(), open).0)
    }

    pub(super) fn parse_operator(&mut self, parse: &'a Parse) -> Ty {
        self.check_parameters(&parse.parameters, params::PARSE);
        let info = self.expr(&parse.expr);
        self.check_scalar(info.ty, parse.expr.span);
        let mut columns = self.row_columns().to_vec();
        let mut seen: FastSet<Name> = FastSet::default();
        for (index, part) in parse.pattern.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|i| parse.pattern.get(i));
            let after = parse.pattern.get(index + 1);
            self.check_pattern(before, part, after);
            if let ParsePart::Column { name, ty } = part {
                let ty = ty.as_ref().map_or(Ty::String, |ty| self.declared_type(ty));
                let id = self.names.intern(&name.text);
                if seen.insert(id) {
                    columns.push(self.new_column(id, ty));
                } else {
                    self.duplicate_column(&name.text, name.span);
                }
            }
        }
        self.rows_of(columns)
    }

    /// Text and columns must alternate so that it is clear where a column ends.
    fn check_pattern(&mut self, before: Option<&ParsePart>, part: &ParsePart, after: Option<&ParsePart>) {
        let is_text = |part: Option<&ParsePart>| matches!(part, Some(ParsePart::Text(_)) | None);
        match part {
            ParsePart::Text(_) => {}
            ParsePart::Star(span) => {
                if !is_text(after) {
                    self.error("KQL100", *span, "a string must follow this *");
                }
                let after_string = match before {
                    Some(ParsePart::Column { ty: None, .. }) => true,
                    Some(ParsePart::Column { ty: Some(TypeRef::Scalar(ty)), .. }) => &*ty.text == "string",
                    _ => false,
                };
                if after_string {
                    self.error(
                        "KQL100",
                        *span,
                        "* after a string column: it is not clear where the column ends",
                    );
                }
            }
            ParsePart::Column { name, .. } => {
                if !is_text(before) {
                    self.error("KQL100", name.span, "a column must follow a string");
                }
            }
        }
    }

    pub(super) fn parse_kv(&mut self, parse: &'a ParseKv) -> Ty {
        self.check_parameters(&parse.properties, params::PARSE_KV);
        let info = self.expr(&parse.expr);
        self.check_scalar(info.ty, parse.expr.span);
        let mut columns = self.row_columns().to_vec();
        columns.extend(self.declared_columns(&parse.columns));
        self.rows_of(columns)
    }
}

fn is_named(expr: &Expr) -> bool {
    matches!(expr.kind, crate::kql::syntax::ExprKind::Named(_))
}
