//! Signatures of the scalar operators: which types `+`, `has`, `between`… take and what they give.
//!
//! Facts: "Scalar operators" of the Kusto documentation, the overloads as Kusto.Language (Apache-2.0) declares them.

use std::sync::OnceLock;

use super::signature::Signature;
use super::table::Reader;

/// A scalar operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// Unary `-` and `+`.
    Sign,
    AndOr,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// `<`, `<=`, `>`, `>=`
    Order,
    Equal,
    NotEqual,
    /// `has`, `hasprefix`…: the right side is a string.
    HasTerm,
    /// `contains`, `startswith`, `=~`, `matches regex`…
    TextMatch,
    /// `in`, `!in`
    In,
    /// `in~`, `!in~`
    InTilde,
    HasAnyAll,
    Between,
}

/// The overloads of an operator, in the order in which they are tried.
pub(crate) fn signatures(operator: Operator) -> &'static [Signature] {
    static TABLE: OnceLock<Vec<Vec<Signature>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut reader = Reader::default();
        SOURCE
            .iter()
            .map(|lines| lines.iter().filter_map(|line| reader.signature(line, &[])).collect())
            .collect()
    });
    table.get(operator as usize).map_or(&[], Vec::as_slice)
}

/// In the order of [`Operator`].
const SOURCE: [&[&str]; 16] = [
    &["(a:summable) -> custom", "(a:dynamic) -> dynamic"],
    &[
        "(a:bool, b:bool) -> bool",
        "(a:dynamic, b:bool) -> bool",
        "(a:bool, b:dynamic) -> bool",
        "(a:dynamic, b:dynamic) -> bool",
    ],
    &[
        "(a:number, b:number) -> widest",
        "(a:timespan, b:timespan) -> timespan",
        "(a:datetime/timespan, b:datetime/timespan) -> datetime",
        "(a:dynamic, b:dynamic) -> dynamic",
        "(a:dynamic, b:int) -> long",
        "(a:int, b:dynamic) -> long",
        "(a:dynamic, b:int/long/real/decimal/timespan/datetime) -> arg1",
        "(a:int/long/real/decimal/timespan/datetime, b:dynamic) -> arg0",
    ],
    &[
        "(a:number, b:number) -> widest",
        "(a:timespan, b:timespan) -> timespan",
        "(a:datetime, b:datetime) -> timespan",
        "(a:datetime, b:dynamic) -> timespan",
        "(a:dynamic, b:datetime) -> timespan",
        "(a:datetime, b:timespan) -> datetime",
        "(a:timespan, b:datetime) -> datetime",
        "(a:dynamic, b:dynamic) -> dynamic",
        "(a:dynamic, b:int) -> long",
        "(a:int, b:dynamic) -> long",
        "(a:dynamic, b:int/long/real/decimal/timespan/datetime) -> arg1",
        "(a:int/long/real/decimal/timespan/datetime, b:dynamic) -> arg0",
    ],
    &[
        "(a:number, b:number) -> widest",
        "(a:timespan, b:timespan) -> timespan",
        "(a:timespan, b:number) -> timespan",
        "(a:number, b:timespan) -> timespan",
        "(a:datetime, b:number) -> datetime",
        "(a:number, b:datetime) -> datetime",
        "(a:dynamic, b:dynamic) -> dynamic",
        "(a:dynamic, b:int) -> long",
        "(a:int, b:dynamic) -> long",
        "(a:dynamic, b:number) -> arg1",
        "(a:number, b:dynamic) -> arg0",
    ],
    &[
        "(a:number, b:number) -> widest",
        "(a:timespan, b:timespan) -> real",
        "(a:timespan, b:number) -> timespan",
        "(a:datetime, b:datetime) -> real",
        "(a:datetime, b:timespan) -> real",
        "(a:datetime, b:number) -> datetime",
        "(a:dynamic, b:dynamic) -> dynamic",
        "(a:dynamic, b:int) -> long",
        "(a:int, b:dynamic) -> long",
        "(a:dynamic, b:number) -> arg1",
        "(a:number, b:dynamic) -> arg0",
    ],
    &[
        "(a:number, b:number) -> widest",
        "(a:timespan, b:timespan) -> timespan",
        "(a:timespan, b:number) -> timespan",
        "(a:datetime, b:datetime) -> timespan",
        "(a:datetime, b:timespan) -> timespan",
        "(a:datetime, b:number) -> datetime",
        "(a:dynamic, b:dynamic) -> dynamic",
        "(a:dynamic, b:int) -> long",
        "(a:int, b:dynamic) -> long",
        "(a:dynamic, b:number) -> arg1",
        "(a:number, b:dynamic) -> arg0",
    ],
    &[
        "(a:bool, b:number|bool) -> bool",
        "(a:number, b:number|bool) -> bool",
        "(a:timespan, b:timespan) -> bool",
        "(a:datetime, b:datetime) -> bool",
        "(a:dynamic, b:dynamic) -> bool",
        "(a:dynamic, b:number) -> bool",
        "(a:number, b:dynamic) -> bool",
    ],
    &["(a:bool, b:scalar) -> bool", "(a:!bool, b:scalar) -> bool", "(a:star !bool, b:scalar) -> bool"],
    &["(a:bool, b:scalar) -> bool", "(a:!bool, b:scalar) -> bool"],
    &["(a:string|dynamic, b:string) -> bool", "(a:star string|dynamic, b:string) -> bool"],
    &["(a:string|dynamic, b:string|dynamic) -> bool", "(a:star string|dynamic, b:string|dynamic) -> bool"],
    &[
        "(a:bool, b:tabular) -> bool",
        "(a:!bool, b:tabular) -> bool",
        "(a:bool, b:scalar{1..*}) -> bool",
        "(a:!bool, b:scalar{1..*}) -> bool",
    ],
    &["(a:string/dynamic, b:tabular) -> bool", "(a:string/dynamic, b:scalar{1..*}) -> bool"],
    &["(a:string/dynamic, b:tabular) -> bool", "(a:string/dynamic, b:scalar{1..*}) -> bool"],
    &[
        "(a:number, b:number, c:number) -> bool",
        "(a:summable, b:arg0, c:arg0) -> bool",
        "(a:datetime, b:datetime, c:timespan) -> bool",
        "(a:number, b:dynamic, c:arg1) -> bool",
        "(a:dynamic, b:number, c:arg1) -> bool",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_overload_is_read() {
        let last = Operator::Between as usize;
        assert_eq!(SOURCE.len(), last + 1);
        assert_eq!(signatures(Operator::Between).len(), 5);
        assert_eq!(signatures(Operator::Subtract).len(), 12);
        assert_eq!(signatures(Operator::Order).len(), 7);
    }
}
