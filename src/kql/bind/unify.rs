//! Columns of several tables as those of one: for `union`, `find`, `search` and `join`.

use std::sync::Arc;

use super::Binder;
use super::rules::Conversion;
use super::symbols::{ColId, Column, TableId};
use crate::kql::schema::{AnyColumn, FastMap, Name};
use crate::kql::types::Ty;

/// The columns of one name, apart by type; all dynamics count as one type.
#[derive(Debug, Default)]
struct Variants {
    types: Vec<(Ty, Vec<ColId>)>,
    /// Two columns of one type came first: Kusto.Language then forgets those of other types.
    settled: bool,
}

impl<'a> Binder<'a> {
    /// One table of all columns: a name with several types becomes `x_string`, `x_long`.
    pub(super) fn union_of(&mut self, tables: &[TableId]) -> TableId {
        let open = tables.iter().any(|&t| self.is_open(t));
        let mut filled = tables.iter().copied().filter(|&t| !self.declared(t).is_empty());
        if let (Some(only), None) = (filled.next(), filled.next()) {
            let columns = self.declared(only);
            return self.new_table(columns, open);
        }
        let mut columns: Vec<ColId> = Vec::new();
        for &table in tables {
            columns.extend_from_slice(&self.declared(table));
        }
        let unified = self.unify_by_name_and_type(&columns);
        self.new_table(unified, open)
    }

    /// All tables of the schema as one.
    pub(super) fn everything(&mut self) -> TableId {
        let schema = self.schema;
        let mut columns: Vec<ColId> = Vec::with_capacity(schema.everything().len());
        for column in schema.everything() {
            columns.push(match column {
                AnyColumn::Plain(column) => self.new_column(Name(column.name()), Ty::from(column.ty())),
                AnyColumn::Typed(name, ty) => self.column_named(name, Ty::from(*ty)),
            });
        }
        self.new_table(columns, schema.may_have_more_tables())
    }

    pub(super) fn unify_by_name_and_type(&mut self, columns: &[ColId]) -> Vec<ColId> {
        let (order, mut variants) = self.variants(columns);
        let mut used: FastMap<Name, u32> = FastMap::default();
        let mut unified = Vec::with_capacity(order.len());
        for name in order {
            let Some(Variants { types, .. }) = variants.remove(&name) else { continue };
            if let [(ty, same)] = types.as_slice() {
                let column = match same.as_slice() {
                    [only] => *only,
                    several => {
                        let ty = self.common_of_columns(several, Conversion::None).unwrap_or(*ty);
                        self.new_column(name, ty)
                    }
                };
                unified.push(self.unique_column(column, &mut used));
                continue;
            }
            for (ty, same) in &types {
                let ty = self.common_of_columns(same, Conversion::None).unwrap_or(*ty);
                let text = format!("{}_{}", self.names.text(name), ty.name());
                let column = self.column_named(&text, ty);
                unified.push(self.unique_column(column, &mut used));
            }
        }
        unified
    }

    /// One column a name, of a type that holds all.
    pub(super) fn unify_by_name(&mut self, columns: &[ColId]) -> Vec<ColId> {
        let (order, mut variants) = self.variants(columns);
        let mut unified = Vec::with_capacity(order.len());
        for name in order {
            let Some(Variants { types, .. }) = variants.remove(&name) else { continue };
            match types.as_slice() {
                [(_, same)] => match same.as_slice() {
                    [only] => unified.push(*only),
                    [first, ..] => {
                        let ty = self.column(*first).ty;
                        unified.push(self.new_column(name, ty));
                    }
                    [] => {}
                },
                several => {
                    let list: Vec<Ty> = several.iter().map(|(ty, _)| *ty).collect();
                    let ty = self.common_of(&list, Conversion::Promotable).unwrap_or(Ty::Dynamic);
                    unified.push(self.new_column(name, ty));
                }
            }
        }
        unified
    }

    fn variants(&self, columns: &[ColId]) -> (Vec<Name>, FastMap<Name, Variants>) {
        let mut order = Vec::new();
        let mut map: FastMap<Name, Variants> = FastMap::default();
        for &column in columns {
            let Column { name, ty } = self.column(column);
            let key = if ty.is_dynamic() { Ty::Dynamic } else { ty };
            let entry = map.entry(name).or_insert_with(|| {
                order.push(name);
                Variants::default()
            });
            if let Some((_, same)) = entry.types.iter_mut().find(|(known, _)| *known == key) {
                same.push(column);
                entry.settled |= entry.types.len() == 1;
            } else if !entry.settled {
                entry.types.push((key, vec![column]));
            }
        }
        (order, map)
    }

    fn unique_column(&mut self, column: ColId, used: &mut FastMap<Name, u32>) -> ColId {
        let Column { name, ty } = self.column(column);
        let Some(&last) = used.get(&name) else {
            used.insert(name, 0);
            return column;
        };
        let mut suffix = last;
        loop {
            suffix = suffix.saturating_add(1);
            let text = format!("{}{suffix}", self.names.text(name));
            let free = self.names.intern(&text);
            if !used.contains_key(&free) {
                used.insert(name, suffix);
                used.insert(free, 0);
                return self.new_column(free, ty);
            }
        }
    }

    /// Gives every later column of a taken name a number; names of other columns are not taken by that.
    pub(super) fn make_names_unique(&mut self, columns: &mut [ColId]) {
        let mut used: FastMap<Name, u32> = FastMap::default();
        let mut first: FastMap<Name, usize> = FastMap::default();
        let mut repeated = false;
        for (index, &column) in columns.iter().enumerate() {
            let name = self.column(column).name;
            repeated |= first.contains_key(&name);
            first.entry(name).or_insert(index);
        }
        if !repeated {
            return;
        }
        used.extend(first.keys().map(|&name| (name, 0)));
        for (index, column) in columns.iter_mut().enumerate() {
            let name = self.column(*column).name;
            if first.get(&name) != Some(&index) {
                *column = self.unique_column(*column, &mut used);
            }
        }
    }

    /// The columns that all tables have.
    pub(super) fn common_columns(&mut self, tables: &[TableId]) -> Vec<ColId> {
        let Some((first, rest)) = tables.split_first() else { return Vec::new() };
        let mut common = self.declared(*first).to_vec();
        for &table in rest {
            let other: Arc<[ColId]> = self.declared(table);
            let theirs = self.names_of(&other);
            let ours = self.names_of(&common);
            let mut list: Vec<ColId> =
                common.iter().copied().filter(|&c| theirs.contains(&self.column(c).name)).collect();
            list.extend(other.iter().copied().filter(|&c| ours.contains(&self.column(c).name)));
            common = self.unify_by_name(&list);
        }
        common
    }
}
