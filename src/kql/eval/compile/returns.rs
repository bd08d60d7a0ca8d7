//! The static type of a call, from the binder's signature tables.

use super::calls::common;
use crate::kql::builtins::{Function, Layout, Param, ParamType, Returns, Signature};
use crate::kql::types::{ScalarType, Ty};

/// The overload that takes arguments of these types; the first that takes as many if none fits.
pub(super) fn overload(function: &'static Function, types: &[ScalarType]) -> Option<&'static Signature> {
    let takes = |s: &&Signature| types.len() >= s.min_args && types.len() <= s.max_args;
    let fits = |s: &&Signature| {
        types.iter().enumerate().all(|(index, ty)| param(s, index).is_none_or(|p| accepts(p, *ty)))
    };
    let exact = |s: &&Signature| {
        types.iter().enumerate().all(|(index, ty)| param(s, index).is_none_or(|p| is_exactly(p, *ty)))
    };
    let candidates = || function.signatures.iter().filter(takes);
    candidates()
        .find(exact)
        .or_else(|| candidates().find(fits))
        .or_else(|| candidates().next())
        .or(function.signatures.first())
}

/// What that overload returns.
pub(super) fn returned(
    function: &Function,
    signature: Option<&Signature>,
    types: &[ScalarType],
) -> ScalarType {
    let Some(signature) = signature else { return ScalarType::Unknown };
    let arg = |index: usize| types.get(index).copied().unwrap_or(ScalarType::Unknown);
    match signature.returns {
        Returns::Declared(ty) => ty.scalar(),
        Returns::Arg(index) => arg(usize::from(index)),
        Returns::LastArg => types.last().copied().unwrap_or(ScalarType::Unknown),
        Returns::ArgPromoted => promoted(arg(0)),
        Returns::ArgArray => ScalarType::Dynamic,
        Returns::Common | Returns::CommonNotDynamic => {
            let shared = types
                .iter()
                .enumerate()
                .filter(|(index, _)| param(signature, *index).is_some_and(|param| param.ty.is_common()));
            let not_dynamic = signature.returns == Returns::CommonNotDynamic;
            let list: Vec<ScalarType> = shared.map(|(_, ty)| *ty).collect();
            let plain = list.iter().copied().filter(|ty| *ty != ScalarType::Dynamic);
            match not_dynamic && plain.clone().next().is_some() {
                true => common(plain),
                false => common(list.into_iter()),
            }
        }
        Returns::Widest => promoted(common(types.iter().copied())),
        Returns::Custom => custom(function.name, types),
        _ => ScalarType::Unknown,
    }
}

/// Results that no signature can say.
fn custom(function: &str, types: &[ScalarType]) -> ScalarType {
    match function {
        "bin_auto" => promoted(types.first().copied().unwrap_or(ScalarType::Unknown)),
        "percentile" | "percentiles" | "percentilew" | "percentilesw" => match types.first() {
            Some(ScalarType::Int) => ScalarType::Long,
            Some(ScalarType::Decimal) => ScalarType::Real,
            Some(ty) => *ty,
            None => ScalarType::Unknown,
        },
        "arg_max" | "arg_min" | "argmax" | "argmin" | "any" | "take_any" => {
            types.first().copied().unwrap_or(ScalarType::Unknown)
        }
        "series_stats" | "series_fit_line" | "series_fit_2lines" | "series_fit_poly" => ScalarType::Real,
        _ => ScalarType::Dynamic,
    }
}

/// The parameter of an argument, near enough: which parameter repeats is only clear at its end.
fn param(signature: &Signature, index: usize) -> Option<&Param> {
    let params = &signature.params;
    match signature.layout {
        Layout::Fixed | Layout::Custom => params.get(index),
        Layout::Repeating => params.get(index).or(params.last()),
        Layout::Block => params.get(index.min(1)),
    }
}

fn accepts(param: &Param, ty: ScalarType) -> bool {
    use ScalarType as T;
    if ty == T::Unknown {
        return true;
    }
    let number = matches!(ty, T::Int | T::Long | T::Real | T::Decimal);
    let summable = number || matches!(ty, T::DateTime | T::TimeSpan);
    match param.ty {
        ParamType::Declared(types) => types.iter().any(|want| {
            let want = want.scalar();
            want == ty || want == T::Unknown || Ty::from(want).is_wider_than(Ty::from(ty)) && ty != T::Dynamic
        }),
        ParamType::Integer => matches!(ty, T::Int | T::Long),
        ParamType::RealOrDecimal => matches!(ty, T::Real | T::Decimal),
        ParamType::StringOrDynamic | ParamType::StringOrArray => matches!(ty, T::String | T::Dynamic),
        ParamType::IntegerOrArray => matches!(ty, T::Int | T::Long | T::Dynamic),
        ParamType::Array | ParamType::Bag => ty == T::Dynamic,
        ParamType::Number => number,
        ParamType::NumberOrBool => number || ty == T::Bool,
        ParamType::Summable | ParamType::CommonSummable => summable,
        ParamType::CommonNumber => number,
        ParamType::Orderable | ParamType::CommonOrderable => summable || matches!(ty, T::Bool | T::String),
        ParamType::NotRealOrBool => !matches!(ty, T::Real | T::Bool),
        ParamType::NotDynamic => ty != T::Dynamic,
        ParamType::NotBool => ty != T::Bool,
        ParamType::Tabular => false,
        ParamType::Any
        | ParamType::Scalar
        | ParamType::SameAs(_)
        | ParamType::Common
        | ParamType::CommonOrDynamic => true,
    }
}

fn is_exactly(param: &Param, ty: ScalarType) -> bool {
    match param.ty {
        ParamType::Declared(types) => types.iter().any(|want| want.scalar() == ty),
        _ => accepts(param, ty),
    }
}

fn promoted(ty: ScalarType) -> ScalarType {
    if ty == ScalarType::Int { ScalarType::Long } else { ty }
}
