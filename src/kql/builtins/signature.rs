//! What one signature says: parameters, what they accept, and the type of the result.

use crate::kql::types::Ty;

/// A function of the language with all its signatures.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) signatures: Vec<Signature>,
    /// Constant arguments give a constant.
    pub(crate) folds: bool,
    /// The name to use instead.
    pub(crate) replacement: Option<&'static str>,
    /// How an unnamed call names its column.
    pub(crate) naming: NameRule,
    /// Prefix of the columns of a result that is several columns.
    pub(crate) prefix: Option<&'static str>,
    /// Only known inside a graph operator.
    pub(crate) graph_only: bool,
}

/// How an unnamed call names its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// The call has no name: `Column1`.
    None,
    /// `bin(TimeGenerated, 1h)` → `TimeGenerated`.
    FirstArgument,
    /// As [`NameRule::FirstArgument`] when there is one argument.
    OnlyArgument,
    /// `column_ifexists("A", …)` → `A` if there is such a column.
    ColumnInFirstArgument,
    /// `sum(x)` → `sum_x`, `count()` → `count_`.
    Prefix(&'static str),
    /// Always this name.
    Fixed(&'static str),
}

/// One way to call a function.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) params: Vec<Param>,
    pub(crate) returns: Returns,
    pub(crate) layout: Layout,
    pub(crate) min_args: usize,
    pub(crate) max_args: usize,
}

/// How arguments are dealt out to parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// First to first, second to second.
    Fixed,
    /// A parameter may take several arguments.
    Repeating,
    /// A run of parameters repeats as a block: `case(p1, v1, p2, v2, else)`.
    Block,
    /// By rules of its own, see `bind::layout`.
    Custom,
}

/// One parameter.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) ty: ParamType,
    pub(crate) arg: ArgKind,
    pub(crate) min: u16,
    pub(crate) max: u16,
    /// The only values a literal may have.
    pub(crate) values: Option<&'static ValueSet>,
    /// A string that stands for "the default" whatever the type.
    pub(crate) default_mark: Option<&'static str>,
}

/// Names a literal argument is chosen from.
#[derive(Debug)]
pub(crate) struct ValueSet {
    pub(crate) case_sensitive: bool,
    pub(crate) values: Vec<&'static str>,
}

/// What a parameter accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParamType {
    Any,
    /// One of these types; usually one. Unused places repeat the first.
    Declared(&'static [Ty]),
    Scalar,
    Integer,
    RealOrDecimal,
    StringOrDynamic,
    StringOrArray,
    IntegerOrArray,
    Array,
    Bag,
    Number,
    NumberOrBool,
    Summable,
    Orderable,
    NotRealOrBool,
    NotDynamic,
    NotBool,
    Tabular,
    /// The type of the first or second argument.
    SameAs(u8),
    /// All arguments of such parameters have a type in common.
    Common,
    CommonOrDynamic,
    CommonNumber,
    CommonSummable,
    CommonOrderable,
}

impl ParamType {
    pub(crate) fn is_common(self) -> bool {
        matches!(
            self,
            ParamType::Common
                | ParamType::CommonOrDynamic
                | ParamType::CommonNumber
                | ParamType::CommonSummable
                | ParamType::CommonOrderable
        )
    }
}

/// What kind of expression a parameter wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArgKind {
    Expression,
    /// Bound in the scope of the elements of the first argument (graph functions).
    Element,
    Constant,
    Literal,
    LiteralNotEmpty,
    Column,
    /// A column of the table given as first argument.
    ColumnOfFirst,
    /// A column of both the input and the table given as first argument.
    ColumnOfBoth,
    /// A column or a literal.
    ColumnOrLiteral,
    /// Only `*`.
    Star,
    /// An expression or `*`.
    StarAllowed,
    Aggregate,
}

/// The type of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returns {
    Declared(Ty),
    /// A fixed table: columns of a plugin.
    Columns(&'static [(&'static str, Ty)]),
    /// The type of that argument.
    Arg(u8),
    LastArg,
    /// The same, `int` widened to `long`.
    ArgPromoted,
    /// An array of it.
    ArgArray,
    /// The type named by a `typeof(...)` in that place.
    TypeOf(u8),
    LastTypeOf,
    Common,
    CommonNotDynamic,
    Widest,
    Cluster,
    Database,
    Table,
    /// A table whose columns are not known: external tables, materialized views, stored results.
    OpenTable,
    EntityGroup,
    Graph,
    /// By code: `bind::results`.
    Custom,
}
