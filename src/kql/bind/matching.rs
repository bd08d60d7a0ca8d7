//! Which overload of a function or operator takes these arguments, and what is wrong if none does.
//!
//! The rules are those of Kusto.Language: every overload that takes the number of arguments is a candidate, those that
//! accept most arguments remain, and of these the one whose worst fit is best. An argument of unknown type fits
//! everything and is never a reason for an error.

use super::Binder;
use super::call::Arg;
use super::rules::Conversion;
use super::symbols::Value;
use crate::kql::builtins::{ArgKind, Layout, Param, ParamType, Signature};
use crate::kql::syntax::ExprKind;
use crate::kql::types::Ty;

/// How well an argument fits a parameter, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    None,
    Unknown,
    Dynamic,
    Promoted,
    NotType,
    OneOfMany,
    Scalar,
    Summable,
    Orderable,
    Number,
    Integer,
    Tabular,
    Exact,
}

/// The parameter of each argument; `None` for one too many.
pub(super) type Dealt<'s> = Vec<Option<&'s Param>>;

impl<'a> Binder<'a> {
    /// The overloads that fit best: one if the call is clear.
    pub(super) fn best_overloads<'s>(
        &mut self,
        overloads: &'s [Signature],
        args: &[Arg<'a>],
        all_must_match: bool,
    ) -> Vec<&'s Signature> {
        if overloads.len() < 2 {
            return overloads.iter().collect();
        }
        let takes = |count: usize| {
            overloads.iter().filter(move |s| count >= s.min_args && count <= s.max_args).collect::<Vec<_>>()
        };
        let mut candidates = takes(args.len());
        if candidates.is_empty() {
            candidates = takes(overloads.iter().map(|s| s.max_args).max().unwrap_or(0));
        }
        if candidates.len() < 2 {
            return candidates;
        }
        let fits: Vec<Vec<Fit>> = candidates.iter().map(|s| self.fits(s, args)).collect();
        let count = |fits: &[Fit]| fits.iter().filter(|&&fit| fit != Fit::None).count();
        let mut most = fits.iter().map(|f| count(f)).max().unwrap_or(0);
        if all_must_match {
            most = most.max(args.len());
        }
        let left: Vec<(&Signature, &Vec<Fit>)> =
            candidates.into_iter().zip(&fits).filter(|(_, fit)| count(fit) == most).collect();
        let key = |fits: &[Fit]| {
            (
                fits.iter().min().copied().unwrap_or(Fit::Exact),
                fits.iter().max().copied().unwrap_or(Fit::None),
            )
        };
        // In the order of the table: a tie on the way leaves the call ambiguous, whatever comes after it.
        let mut best = left.first();
        let mut tie = false;
        for entry in left.iter().skip(1) {
            match best.map(|(_, fit)| key(fit)).cmp(&Some(key(entry.1))) {
                std::cmp::Ordering::Less => best = Some(entry),
                std::cmp::Ordering::Equal => tie = true,
                std::cmp::Ordering::Greater => {}
            }
            if tie {
                break;
            }
        }
        match best {
            Some((signature, _)) if !tie => vec![*signature],
            _ => left.into_iter().map(|(signature, _)| signature).collect(),
        }
    }

    fn fits(&mut self, signature: &Signature, args: &[Arg<'a>]) -> Vec<Fit> {
        let dealt = self.deal(signature, args);
        args.iter().zip(&dealt).map(|(arg, param)| self.fit(*param, arg, args, &dealt)).collect()
    }

    /// How well one argument fits its parameter.
    pub(super) fn fit(
        &mut self,
        param: Option<&Param>,
        arg: &Arg<'a>,
        args: &[Arg<'a>],
        dealt: &Dealt<'_>,
    ) -> Fit {
        let Some(param) = param else {
            // A surplus argument: its parameter has the unknown type.
            return if arg.ty.is_unknown() {
                Fit::Unknown
            } else if arg.ty.is_scalar() {
                Fit::Exact
            } else {
                Fit::None
            };
        };
        let ty = arg.ty;
        if ty.is_unknown() {
            return Fit::Unknown;
        }
        if is_default_mark(param, arg) {
            return Fit::Exact;
        }
        if arg.is_star() {
            return match param.arg {
                ArgKind::Star | ArgKind::StarAllowed => Fit::Exact,
                _ => Fit::None,
            };
        }
        if param.arg == ArgKind::Star {
            return Fit::None;
        }
        let when = |holds: bool, fit: Fit| if holds { fit } else { Fit::None };
        match param.ty {
            ParamType::Any => Fit::Unknown,
            ParamType::Declared(types) => {
                let takes = |conversion| types.iter().any(|&t| self.assignable(t, ty, conversion));
                if takes(Conversion::None) {
                    if types.len() == 1 { Fit::Exact } else { Fit::OneOfMany }
                } else {
                    when(takes(Conversion::Promotable), Fit::Promoted)
                }
            }
            ParamType::Scalar => when(ty.is_scalar(), Fit::Scalar),
            ParamType::Integer => when(ty.is_integer(), Fit::Integer),
            ParamType::RealOrDecimal => when(matches!(ty, Ty::Real | Ty::Decimal), Fit::OneOfMany),
            ParamType::StringOrDynamic => when(ty.is_string_or_dynamic(), Fit::OneOfMany),
            ParamType::StringOrArray => when(ty.is_string_or_array(), Fit::OneOfMany),
            ParamType::IntegerOrArray => when(ty.is_integer_or_array(), Fit::OneOfMany),
            ParamType::Array => when(ty.is_array(), Fit::OneOfMany),
            ParamType::Bag => when(ty.is_bag(), Fit::OneOfMany),
            ParamType::Number => when(ty.is_numeric(), Fit::Number),
            ParamType::NumberOrBool => when(ty.is_numeric() || ty == Ty::Bool, Fit::Number),
            ParamType::Summable => when(ty.is_summable(), Fit::Summable),
            ParamType::Orderable => when(ty.is_orderable(), Fit::Orderable),
            ParamType::Tabular => when(ty.is_tabular() || matches!(ty, Ty::Group(_)), Fit::Tabular),
            ParamType::NotBool => when(ty != Ty::Bool, Fit::NotType),
            ParamType::NotRealOrBool => when(ty != Ty::Real && ty != Ty::Bool, Fit::NotType),
            ParamType::NotDynamic => when(ty.is_scalar() && !ty.is_dynamic(), Fit::NotType),
            ParamType::SameAs(index) => {
                let first = dealt.get(usize::from(index)).copied().flatten();
                match first {
                    Some(first) if !matches!(first.ty, ParamType::SameAs(_)) => {
                        self.fit(Some(first), arg, args, dealt)
                    }
                    _ => Fit::None,
                }
            }
            ParamType::Common
            | ParamType::CommonOrDynamic
            | ParamType::CommonNumber
            | ParamType::CommonSummable
            | ParamType::CommonOrderable => match self.common_argument(args, dealt, false) {
                Some(common) if self.assignable(common, ty, Conversion::None) => Fit::Exact,
                Some(common) if self.assignable(common, ty, Conversion::Promotable) => Fit::Promoted,
                Some(common) if self.assignable(common, ty, Conversion::Dynamic) => Fit::Dynamic,
                Some(_) => when(param.ty == ParamType::CommonOrDynamic && ty == Ty::Dynamic, Fit::Exact),
                None => Fit::None,
            },
        }
    }

    /// The type common to the arguments whose parameters want one.
    pub(super) fn common_argument(
        &mut self,
        args: &[Arg<'a>],
        dealt: &Dealt<'_>,
        skip_dynamic: bool,
    ) -> Option<Ty> {
        let mut common = None;
        for (arg, param) in args.iter().zip(dealt) {
            let Some(param) = param else { continue };
            let ty = arg.ty;
            if skip_dynamic && ty.is_dynamic() {
                continue;
            }
            let conversion = match param.ty {
                ParamType::Common if ty.is_scalar() => Conversion::Promotable,
                ParamType::CommonNumber if ty.is_numeric() => Conversion::Promotable,
                ParamType::CommonSummable if ty.is_summable() => Conversion::Promotable,
                ParamType::CommonOrderable if ty.is_orderable() => Conversion::Promotable,
                ParamType::CommonOrDynamic if ty.is_scalar() => Conversion::Dynamic,
                _ => continue,
            };
            common = Some(self.common(common, Some(ty), conversion)?);
        }
        if common.is_none() && skip_dynamic {
            return self.common_argument(args, dealt, false);
        }
        common
    }

    /// Deals the arguments out to the parameters.
    pub(super) fn deal<'s>(&mut self, signature: &'s Signature, args: &[Arg<'a>]) -> Dealt<'s> {
        let params = &signature.params;
        match signature.layout {
            Layout::Fixed => (0..args.len()).map(|i| params.get(i)).collect(),
            Layout::Block => deal_blocks(params, args.len()),
            Layout::Repeating => self.deal_repeating(signature, args),
            Layout::Custom => self.deal_by_function(params, args),
        }
    }

    fn deal_repeating<'s>(&mut self, signature: &'s Signature, args: &[Arg<'a>]) -> Dealt<'s> {
        let params = &signature.params;
        let mut dealt: Dealt<'s> = Vec::with_capacity(args.len());
        let (mut current, mut used) = (0usize, 0u16);
        for (index, arg) in args.iter().enumerate() {
            if index >= signature.max_args {
                dealt.push(None);
                continue;
            }
            if params.get(current).is_some_and(|p| used >= p.max) && current + 1 < params.len() {
                current += 1;
                used = 0;
            }
            let Some(param) = params.get(current) else {
                dealt.push(None);
                continue;
            };
            let required = used < param.min || used == 0 && param.min == 0;
            let next = params.get(current + 1);
            let mut chosen = Some(param);
            if !required {
                match next {
                    None => chosen = (used < param.max).then_some(param),
                    Some(next) => {
                        let here = self.fit(Some(param), arg, args, &dealt);
                        let there = self.fit(Some(next), arg, args, &dealt);
                        if !(here >= there && here != Fit::None) && there != Fit::None {
                            current += 1;
                            used = 0;
                            chosen = Some(next);
                        }
                    }
                }
            }
            used = used.saturating_add(1);
            dealt.push(chosen);
        }
        dealt
    }

    /// Calls with rules of their own for which argument is which.
    fn deal_by_function<'s>(&mut self, params: &'s [Param], args: &[Arg<'a>]) -> Dealt<'s> {
        let find = |name: &str| params.iter().find(|p| p.name == name);
        let named = |arg: &Arg<'a>| arg.name().and_then(find);
        let last = args.len().saturating_sub(1);
        let first = params.first().map_or("", |p| p.name);
        let mut dealt: Dealt<'s> = Vec::with_capacity(args.len());
        for (index, arg) in args.iter().enumerate() {
            let by_place = params.get(index);
            dealt.push(match first {
                // array_sort_asc(a, b, nulls_last)
                "arrays" if index == last && is_boolean(arg) => params.get(1),
                "arrays" => params.first(),
                // ipv4_lookup(T, source, key, extra..., return_unmatched)
                "LookupTable" if find("ExtraKey").is_some() && index > 2 => {
                    if index == last && (named(arg).is_some() || is_boolean(arg) && arg.is_literal()) {
                        find("return_unmatched")
                    } else {
                        find("ExtraKey")
                    }
                }
                "LookupTable" => named(arg).or(by_place),
                // new_activity_metrics(id, t, start, end, window, cohort?, dimension..., lookback?)
                "IdColumn" if index > 4 => {
                    if matches!(arg.ty, Ty::Table(_)) {
                        find("lookback")
                    } else if index == 5 && (arg.info.constant || arg.info.sym.column().is_none()) {
                        find("Cohort")
                    } else {
                        find("Dimension")
                    }
                }
                // sequence_detect(t, window, span, expr..., dimension...)
                "TimelineColumn" if index > 3 => {
                    let dimension = dealt.last().is_some_and(|p| p.is_some_and(|p| p.name == "Dimension"));
                    if dimension || !is_boolean(arg) { find("Dimension") } else { find("Expr") }
                }
                _ => by_place,
            });
        }
        dealt
    }
}

fn deal_blocks(params: &[Param], count: usize) -> Dealt<'_> {
    let first = params.iter().position(|p| p.max > 1);
    let last = params.iter().rposition(|p| p.max > 1);
    let (Some(first), Some(last)) = (first, last) else {
        return (0..count).map(|i| params.get(i)).collect();
    };
    let block = last - first + 1;
    let after = params.len() - last - 1;
    let possible = count.saturating_sub(first).saturating_sub(after).max(block);
    let total = possible.div_ceil(block) * block;
    (0..count)
        .map(|i| {
            if i < first {
                params.get(i)
            } else if i < first + total {
                params.get(first + (i - first) % block)
            } else {
                params.get(last + 1 + (i - first - total))
            }
        })
        .collect()
}

pub(super) fn is_default_mark(param: &Param, arg: &Arg<'_>) -> bool {
    param.default_mark.is_some() && arg.info.value.and_then(Value::string) == param.default_mark
}

fn is_boolean(arg: &Arg<'_>) -> bool {
    arg.ty == Ty::Bool
}

impl Arg<'_> {
    pub(super) fn is_star(&self) -> bool {
        self.expr.is_some_and(|e| matches!(e.kind, ExprKind::Star))
    }

    /// A literal as written, not a variable that stands for one.
    pub(super) fn is_literal(&self) -> bool {
        let expr = match self.expr.map(|e| &e.kind) {
            Some(ExprKind::Named(named)) => &named.value.kind,
            Some(kind) => kind,
            None => return false,
        };
        matches!(
            expr,
            ExprKind::String(_)
                | ExprKind::Literal(_)
                | ExprKind::Dynamic(_)
                | ExprKind::TypeOf(_)
                | ExprKind::Null
        )
    }

    /// The name of a named argument.
    pub(super) fn name(&self) -> Option<&str> {
        match self.expr.map(|e| &e.kind) {
            Some(ExprKind::Named(named)) if !named.list => named.names.first().map(|n| &*n.text),
            _ => None,
        }
    }
}
