//! Rules of types: what is assignable, what several types have in common.
//!
//! Facts: measured against Kusto.Language (`TypeFacts`, `Symbol.IsAssignableTo`); the documentation describes the same
//! in words ("Implicit conversions").

use super::Binder;
use super::symbols::{ColId, Tuple};
use crate::kql::schema::Name;
use crate::kql::types::{ArrayId, BagId, KNOWN_ARRAYS, Ty};

/// How much a value may be converted on its way; each includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Conversion {
    None,
    Promotable,
    Dynamic,
    Compatible,
    Any,
}

impl Binder<'_> {
    /// An expression of several columns counts as its column when there is exactly one.
    pub(super) fn reduced(&self, ty: Ty) -> Ty {
        match ty {
            Ty::Tuple(id) => match self.tuple(id) {
                Tuple { columns, row_of: None } => match **columns {
                    [only] => self.column(only).ty,
                    _ => ty,
                },
                _ => ty,
            },
            _ => ty,
        }
    }

    pub(super) fn assignable(&self, target: Ty, source: Ty, conversion: Conversion) -> bool {
        if target == source {
            return true;
        }
        if source == Ty::Unknown && target.is_scalar() || target == Ty::Unknown && source.is_scalar() {
            return true;
        }
        if target.is_scalar()
            && let Ty::Tuple(id) = source
            && let [only] = *self.tuple(id).columns
        {
            return self.assignable(target, self.column(only).ty, Conversion::None);
        }
        if target == Ty::Dynamic
            && (source.is_dynamic() || source.is_scalar() && conversion >= Conversion::Dynamic)
        {
            return true;
        }
        match (target, source) {
            (Ty::Array(ArrayId(0)), Ty::Array(_)) | (Ty::Bag(BagId(0)), Ty::Bag(_)) => {
                conversion != Conversion::None
            }
            (Ty::Array(_), Ty::Array(_)) => {
                self.assignable(self.array_element(source), self.array_element(target), conversion)
            }
            (Ty::Bag(target), Ty::Bag(source)) => {
                let source = self.bag(source);
                self.bag(target).iter().all(|(name, _)| source.iter().any(|(known, _)| known == name))
            }
            (Ty::Table(target), Ty::Table(source)) => {
                let source = self.table_columns(source);
                self.table_columns(target).iter().all(|&wanted| {
                    let wanted = self.column(wanted);
                    source.iter().any(|&c| {
                        let column = self.column(c);
                        column.name == wanted.name && self.assignable(wanted.ty, column.ty, Conversion::None)
                    })
                })
            }
            _ => match (target.dynamic_content(), source.dynamic_content()) {
                (Some(target), Some(source)) => self.assignable(target, source, conversion),
                (None, None) if self.is_plain(target) && self.is_plain(source) => match conversion {
                    Conversion::Promotable => source.promotes_to(target),
                    Conversion::Compatible => source.promotes_to(target) || target.promotes_to(source),
                    Conversion::Any => true,
                    Conversion::None | Conversion::Dynamic => false,
                },
                // A dynamic that holds one scalar is a plain type to the library, too.
                _ => conversion == Conversion::Any && target.is_scalar() && source.is_scalar(),
            },
        }
    }

    fn is_plain(&self, ty: Ty) -> bool {
        ty.is_scalar() && !matches!(ty, Ty::Array(_) | Ty::Bag(_) | Ty::Tuple(_))
    }

    /// The type that holds values of both, `None` if there is none.
    pub(super) fn common(&mut self, a: Option<Ty>, b: Option<Ty>, allowed: Conversion) -> Option<Ty> {
        let (a, b) = match (a, b) {
            (None, b) => return b,
            (a, None) => return a,
            (Some(a), Some(b)) => (a, b),
        };
        if a == b || b == Ty::Null {
            return Some(a);
        }
        if a == Ty::Null {
            return Some(b);
        }
        if a == Ty::Unknown || b == Ty::Unknown {
            return Some(Ty::Unknown);
        }
        if a == Ty::Dynamic || b == Ty::Dynamic {
            return Some(Ty::Dynamic);
        }
        if allowed >= Conversion::Promotable {
            if a.promotes_to(b) {
                return Some(b);
            }
            if b.promotes_to(a) {
                return Some(a);
            }
        }
        match (a, b) {
            (Ty::Array(_), Ty::Array(_)) => return Some(Ty::ARRAY),
            (Ty::Bag(a), Ty::Bag(b)) => {
                let others = self.bag(b).to_vec();
                let shared: Vec<_> = self
                    .bag(a)
                    .iter()
                    .filter(|(name, _)| others.iter().any(|(other, _)| other == name))
                    .copied()
                    .collect();
                return Some(self.new_bag(shared));
            }
            _ => {}
        }
        let content = match (a.dynamic_content(), b.dynamic_content()) {
            (None, None) => None,
            (a_content, b_content) => {
                self.common(Some(a_content.unwrap_or(a)), Some(b_content.unwrap_or(b)), allowed)
            }
        };
        if let Some(content) = content {
            return Some(content.as_dynamic());
        }
        if a.is_dynamic() && b.is_dynamic()
            || a.is_scalar() && b.is_scalar() && allowed >= Conversion::Dynamic
        {
            return Some(Ty::Dynamic);
        }
        None
    }

    pub(super) fn common_of(&mut self, types: &[Ty], allowed: Conversion) -> Option<Ty> {
        let mut common = None;
        for &ty in types {
            common = Some(self.common(common, Some(ty), allowed)?);
        }
        common
    }

    /// The type common to the columns.
    pub(super) fn common_of_columns(&mut self, columns: &[ColId], allowed: Conversion) -> Option<Ty> {
        let types: Vec<Ty> = columns.iter().map(|&c| self.column(c).ty).collect();
        self.common_of(&types, allowed)
    }

    /// The widest numeric type among these.
    pub(super) fn widest(&self, types: &[Ty]) -> Option<Ty> {
        let mut widest: Option<Ty> = None;
        for &ty in types.iter().filter(|ty| ty.is_numeric()) {
            if widest.is_none_or(|known| ty.is_wider_than(known)) {
                widest = Some(ty);
            }
        }
        widest
    }

    pub(super) fn array_element(&self, array: Ty) -> Ty {
        match array {
            Ty::Array(id) => self.arrays.get(id.0 as usize).copied().unwrap_or(Ty::Dynamic),
            _ => Ty::Dynamic,
        }
    }

    /// The array of such elements.
    pub(super) fn array_of(&mut self, element: Ty) -> Ty {
        let element = match element.dynamic_content().unwrap_or(element) {
            Ty::Int => Ty::Long,
            scalar @ (Ty::Bool
            | Ty::Long
            | Ty::Real
            | Ty::DateTime
            | Ty::TimeSpan
            | Ty::Guid
            | Ty::String) => scalar,
            nested @ (Ty::Array(_) | Ty::Bag(_)) => nested,
            _ => Ty::Dynamic,
        };
        let known = self.arrays.iter().position(|&known| known == element);
        let index = known.unwrap_or_else(|| {
            self.arrays.push(element);
            self.arrays.len() - 1
        });
        Ty::Array(ArrayId(u32::try_from(index).unwrap_or(0)))
    }

    pub(super) fn new_bag(&mut self, members: Vec<(Name, Ty)>) -> Ty {
        if members.is_empty() {
            return Ty::BAG;
        }
        self.bags.push(members);
        Ty::Bag(BagId(u32::try_from(self.bags.len() - 1).unwrap_or(0)))
    }

    pub(super) fn bag(&self, id: BagId) -> &[(Name, Ty)] {
        self.bags.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn known_arrays() -> Vec<Ty> {
        KNOWN_ARRAYS.to_vec()
    }
}
