//! The types of the language: the ten scalar types a person writes, and the finer ones that type inference needs.
//!
//! [`ScalarType`] is what other modules see (a column is `string`, `datetime`, …). [`Ty`] is what an expression may be
//! while a query is bound: dynamic values are told apart (an array of strings, a bag with known members) because the
//! language gives different names and results to `a.b` depending on it; tables, groups and functions are ids into the
//! binder's arenas. This module never looks at text or schemas.
//!
//! Facts: "Scalar data types" of the Kusto documentation; widening and the flags of each type as in Kusto.Language
//! (`ScalarTypes`), because verdicts are measured against it.

/// A scalar type as written in a schema or reported for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScalarType {
    /// `bool`
    Bool,
    /// `int`, 32 bits
    Int,
    /// `long`, 64 bits
    Long,
    /// `real`, a double
    Real,
    /// `decimal`, 128 bits
    Decimal,
    /// `string`
    String,
    /// `datetime`
    DateTime,
    /// `timespan`
    TimeSpan,
    /// `guid`
    Guid,
    /// `dynamic`: an array, a bag or a scalar known only at run time
    Dynamic,
    /// Not known to this binder. Never a reason for an error.
    Unknown,
}

impl ScalarType {
    /// Every type in the order of the enum: the position is the code used by packed schemas.
    pub const ALL: [ScalarType; 11] = [
        ScalarType::Bool,
        ScalarType::Int,
        ScalarType::Long,
        ScalarType::Real,
        ScalarType::Decimal,
        ScalarType::String,
        ScalarType::DateTime,
        ScalarType::TimeSpan,
        ScalarType::Guid,
        ScalarType::Dynamic,
        ScalarType::Unknown,
    ];

    /// The canonical name: `datetime`, not `date`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ScalarType::Bool => "bool",
            ScalarType::Int => "int",
            ScalarType::Long => "long",
            ScalarType::Real => "real",
            ScalarType::Decimal => "decimal",
            ScalarType::String => "string",
            ScalarType::DateTime => "datetime",
            ScalarType::TimeSpan => "timespan",
            ScalarType::Guid => "guid",
            ScalarType::Dynamic => "dynamic",
            ScalarType::Unknown => "unknown",
        }
    }

    /// The type of that name or alias (`date`, `double`, `boolean`, `uuid`, …); `None` when there is no such type.
    #[must_use]
    pub fn from_name(name: &str) -> Option<ScalarType> {
        Some(match name {
            "bool" | "boolean" => ScalarType::Bool,
            "int" | "int32" | "uint" | "uint32" | "int8" | "uint8" | "int16" | "uint16" => ScalarType::Int,
            "long" | "int64" | "ulong" | "uint64" => ScalarType::Long,
            "real" | "double" | "float" => ScalarType::Real,
            "decimal" => ScalarType::Decimal,
            "string" => ScalarType::String,
            "datetime" | "date" => ScalarType::DateTime,
            "timespan" | "time" => ScalarType::TimeSpan,
            "guid" | "uuid" | "uniqueid" => ScalarType::Guid,
            "dynamic" => ScalarType::Dynamic,
            "unknown" => ScalarType::Unknown,
            _ => return None,
        })
    }
}

impl std::fmt::Display for ScalarType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Id of an array type: an element type interned by the binder. The constants below are always present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ArrayId(pub(crate) u32);

/// Id of a bag type: the known members of a property bag. `BagId(0)` has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BagId(pub(crate) u32);

/// Element types of the arrays that exist before any query is read, in the order of their ids.
pub(crate) const KNOWN_ARRAYS: [Ty; 12] = [
    Ty::Dynamic,
    Ty::Bool,
    Ty::Long,
    Ty::Real,
    Ty::DateTime,
    Ty::TimeSpan,
    Ty::Guid,
    Ty::String,
    Ty::Array(ArrayId(0)),
    Ty::Bag(BagId(0)),
    Ty::Array(ArrayId(3)),
    Ty::Array(ArrayId(7)),
];

/// The type of an expression while it is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ty {
    /// Already reported: says nothing more.
    Error,
    /// No value at all (a name of an option, a clause, a `consume`).
    Void,
    /// A scalar of a type that is not known; compatible with everything.
    Unknown,
    /// The literal `null` inside `dynamic(...)`.
    Null,
    /// The type of a `typeof(...)` literal.
    Type,
    Bool,
    Int,
    Long,
    Real,
    Decimal,
    String,
    DateTime,
    TimeSpan,
    Guid,
    /// Dynamic of unknown content.
    Dynamic,
    /// Dynamic known to hold one scalar (`parse_url(u).Host`).
    DynBool,
    DynLong,
    DynReal,
    DynDateTime,
    DynTimeSpan,
    DynGuid,
    DynString,
    /// Dynamic known to be an array.
    Array(ArrayId),
    /// Dynamic known to be a bag.
    Bag(BagId),
    /// Several columns from one expression (`arg_max(...)`, `$left`).
    Tuple(u32),
    Table(u32),
    /// Several tables or columns from one name (`Device*`).
    Group(u32),
    Graph(u32),
    /// `cluster(...)`.
    Cluster,
    /// `database(...)`, `workspace(...)`; `true`: the database of this query.
    Database(bool),
    EntityGroup,
    Pattern(u32),
}

impl From<ScalarType> for Ty {
    fn from(scalar: ScalarType) -> Self {
        match scalar {
            ScalarType::Bool => Ty::Bool,
            ScalarType::Int => Ty::Int,
            ScalarType::Long => Ty::Long,
            ScalarType::Real => Ty::Real,
            ScalarType::Decimal => Ty::Decimal,
            ScalarType::String => Ty::String,
            ScalarType::DateTime => Ty::DateTime,
            ScalarType::TimeSpan => Ty::TimeSpan,
            ScalarType::Guid => Ty::Guid,
            ScalarType::Dynamic => Ty::Dynamic,
            ScalarType::Unknown => Ty::Unknown,
        }
    }
}

impl Ty {
    pub(crate) const ARRAY: Ty = Ty::Array(ArrayId(0));
    pub(crate) const ARRAY_REAL: Ty = Ty::Array(ArrayId(3));
    pub(crate) const ARRAY_STRING: Ty = Ty::Array(ArrayId(7));
    pub(crate) const ARRAY_BAG: Ty = Ty::Array(ArrayId(9));
    pub(crate) const BAG: Ty = Ty::Bag(BagId(0));

    /// What a reader sees for a column of this type.
    pub(crate) fn scalar(self) -> ScalarType {
        match self {
            Ty::Bool => ScalarType::Bool,
            Ty::Int => ScalarType::Int,
            Ty::Long => ScalarType::Long,
            Ty::Real => ScalarType::Real,
            Ty::Decimal => ScalarType::Decimal,
            Ty::String => ScalarType::String,
            Ty::DateTime => ScalarType::DateTime,
            Ty::TimeSpan => ScalarType::TimeSpan,
            Ty::Guid => ScalarType::Guid,
            t if t.is_dynamic() => ScalarType::Dynamic,
            _ => ScalarType::Unknown,
        }
    }

    /// The name used in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Ty::Null => "null",
            Ty::Type => "type",
            Ty::Table(_) => "table",
            Ty::Graph(_) => "graph",
            Ty::Tuple(_) => "tuple",
            t => t.scalar().name(),
        }
    }

    pub(crate) fn is_error(self) -> bool {
        self == Ty::Error
    }

    pub(crate) fn is_unknown(self) -> bool {
        self == Ty::Unknown
    }

    /// Nothing can be said about a value of this type without a risk of a false alarm.
    pub(crate) fn is_opaque(self) -> bool {
        matches!(self, Ty::Error | Ty::Unknown)
    }

    /// Every form of dynamic.
    pub(crate) fn is_dynamic(self) -> bool {
        matches!(self, Ty::Dynamic | Ty::Array(_) | Ty::Bag(_)) || self.dynamic_content().is_some()
    }

    /// The scalar inside a dynamic that is known to hold one.
    pub(crate) fn dynamic_content(self) -> Option<Ty> {
        Some(match self {
            Ty::DynBool => Ty::Bool,
            Ty::DynLong => Ty::Long,
            Ty::DynReal => Ty::Real,
            Ty::DynDateTime => Ty::DateTime,
            Ty::DynTimeSpan => Ty::TimeSpan,
            Ty::DynGuid => Ty::Guid,
            Ty::DynString => Ty::String,
            _ => return None,
        })
    }

    /// The dynamic that holds a value of this type.
    pub(crate) fn as_dynamic(self) -> Ty {
        match self {
            Ty::Bool => Ty::DynBool,
            Ty::Int | Ty::Long => Ty::DynLong,
            Ty::Real => Ty::DynReal,
            Ty::DateTime => Ty::DynDateTime,
            Ty::TimeSpan => Ty::DynTimeSpan,
            Ty::Guid => Ty::DynGuid,
            Ty::String => Ty::DynString,
            t if t.is_dynamic() => t,
            _ => Ty::Dynamic,
        }
    }

    /// A value that fits in one cell, a tuple included.
    pub(crate) fn is_scalar(self) -> bool {
        matches!(
            self,
            Ty::Unknown
                | Ty::Null
                | Ty::Type
                | Ty::Bool
                | Ty::Int
                | Ty::Long
                | Ty::Real
                | Ty::Decimal
                | Ty::String
                | Ty::DateTime
                | Ty::TimeSpan
                | Ty::Guid
                | Ty::Tuple(_)
        ) || self.is_dynamic()
    }

    pub(crate) fn is_tabular(self) -> bool {
        matches!(self, Ty::Table(_) | Ty::Cluster)
    }

    pub(crate) fn is_integer(self) -> bool {
        matches!(self, Ty::Int | Ty::Long | Ty::Unknown)
    }

    pub(crate) fn is_numeric(self) -> bool {
        matches!(self, Ty::Int | Ty::Long | Ty::Real | Ty::Decimal | Ty::Unknown)
    }

    pub(crate) fn is_summable(self) -> bool {
        self.is_numeric() || matches!(self, Ty::DateTime | Ty::TimeSpan)
    }

    pub(crate) fn is_orderable(self) -> bool {
        self.is_summable() || matches!(self, Ty::Bool | Ty::String)
    }

    pub(crate) fn is_string_or_dynamic(self) -> bool {
        self == Ty::String || self.is_dynamic()
    }

    /// A string, or a dynamic that may be one or an array of them.
    pub(crate) fn is_string_or_array(self) -> bool {
        matches!(self, Ty::String | Ty::DynString | Ty::Dynamic)
            || self == Ty::ARRAY
            || self == Ty::ARRAY_STRING
    }

    pub(crate) fn is_integer_or_array(self) -> bool {
        self.is_integer()
            || matches!(self, Ty::DynLong | Ty::Dynamic)
            || self == Ty::ARRAY
            || self == Ty::Array(ArrayId(2))
    }

    pub(crate) fn is_array(self) -> bool {
        matches!(self, Ty::Array(_) | Ty::Dynamic)
    }

    pub(crate) fn is_bag(self) -> bool {
        matches!(self, Ty::Bag(_) | Ty::Dynamic)
    }

    /// `a.b` of such an `a` is a member of it and is named `a_b`.
    pub(crate) fn is_array_or_bag(self) -> bool {
        matches!(self, Ty::Dynamic | Ty::Array(_) | Ty::Bag(_))
    }

    /// `self` holds every value of `other` and more: int < long < real < decimal, and dynamic < string.
    pub(crate) fn is_wider_than(self, other: Ty) -> bool {
        match self {
            Ty::Long => other == Ty::Int,
            Ty::Real => matches!(other, Ty::Int | Ty::Long),
            Ty::Decimal => matches!(other, Ty::Int | Ty::Long | Ty::Real),
            Ty::String => other == Ty::Dynamic,
            _ => false,
        }
    }

    /// A value of this type is taken where `target` is wanted, widened without a cast.
    pub(crate) fn promotes_to(self, target: Ty) -> bool {
        target.is_wider_than(self) || (matches!(self, Ty::Array(_) | Ty::Bag(_)) && target == Ty::Dynamic)
    }

    /// Sums and the like never stay `int`.
    pub(crate) fn int_to_long(self) -> Ty {
        if self == Ty::Int { Ty::Long } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_of_the_documentation() {
        for ty in ScalarType::ALL {
            assert_eq!(ScalarType::from_name(ty.name()), Some(ty));
        }
        assert_eq!(ScalarType::from_name("double"), Some(ScalarType::Real));
        assert_eq!(ScalarType::from_name("boolean"), Some(ScalarType::Bool));
        assert_eq!(ScalarType::from_name("date"), Some(ScalarType::DateTime));
        assert_eq!(ScalarType::from_name("varchar"), None);
    }

    #[test]
    fn widening_follows_the_number_line() {
        assert!(Ty::Int.promotes_to(Ty::Long));
        assert!(Ty::Long.promotes_to(Ty::Real));
        assert!(!Ty::Real.promotes_to(Ty::Long));
        assert!(!Ty::String.promotes_to(Ty::Long));
    }
}
