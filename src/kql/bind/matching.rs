//! Which overload of a function or operator takes these arguments, and what is wrong if none does.
//!
//! The rules are those of Kusto.Language: every overload that takes the number of arguments is a candidate, those that
//! accept most arguments remain, and of these the one whose worst fit is best. An argument of unknown type fits
//! everything and is never a reason for an error.

use super::Binder;
use super::call::{Arg, Callee};
use super::rules::Conversion;
use crate::kql::builtins::{ArgKind, Layout, Param, ParamType, Signature};
use crate::kql::span::Span;
use crate::kql::syntax::ExprKind;
use crate::kql::types::Ty;

/// How well an argument fits a parameter, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    None,
    Unknown,
    Dynamic,
    Compatible,
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

    /// Reports what is wrong with a call of a single overload.
    pub(super) fn check_call(&mut self, callee: Callee<'_>, signature: &Signature, args: &[Arg<'a>]) {
        let count = args.len();
        if !valid_count(signature, count) {
            let name = callee.name;
            let (min, max) = (signature.min_args, signature.max_args);
            let what = if (min..=max).contains(&count) {
                format!("{name}() is called with a number of arguments that does not make whole groups")
            } else if min == max {
                format!("{name}() takes {min} argument{}, not {count}", if min == 1 { "" } else { "s" })
            } else if max >= 32_767 {
                format!("{name}() takes at least {min} arguments, not {count}")
            } else {
                format!("{name}() takes {min} to {max} arguments, not {count}")
            };
            self.error("KQL119", callee.span, what);
            return;
        }
        let dealt = self.deal(signature, args);
        if dealt.iter().flatten().any(|p| p.ty.is_common())
            && self.common_argument(args, &dealt, false).is_none()
        {
            self.error("KQL232", callee.span, "the arguments have no type in common");
            return;
        }
        for (arg, param) in args.iter().zip(&dealt) {
            if let Some(param) = param {
                self.check_argument(callee, param, arg, args, &dealt);
            }
        }
    }

    fn check_argument(
        &mut self,
        callee: Callee<'_>,
        param: &Param,
        arg: &Arg<'a>,
        args: &[Arg<'a>],
        dealt: &Dealt<'_>,
    ) {
        if arg.is_star() && !callee.operator {
            if !matches!(param.arg, ArgKind::Star | ArgKind::StarAllowed) {
                self.error("KQL191", arg.span, "* is not allowed here");
            }
            return;
        }
        if is_default_mark(param, arg) {
            return;
        }
        self.check_argument_type(param, arg, args, dealt);
        self.check_argument_kind(param, arg);
    }

    fn check_argument_type(&mut self, param: &Param, arg: &Arg<'a>, args: &[Arg<'a>], dealt: &Dealt<'_>) {
        let ty = arg.ty;
        let quiet = ty.is_opaque();
        let wanted = match param.ty {
            ParamType::Any => return,
            ParamType::Declared(types) => {
                if matches!(self.fit(Some(param), arg, args, dealt), Fit::None | Fit::Compatible)
                    && !ty.is_opaque()
                {
                    let names: Vec<&str> = types.iter().map(|t| t.name()).collect();
                    let what =
                        format!("a value of type {} is expected, not {}", names.join(" or "), ty.name());
                    self.error("KQL107", arg.span, what);
                }
                return;
            }
            ParamType::Scalar => {
                self.check_scalar(ty, arg.span);
                return;
            }
            ParamType::Tabular => {
                self.check_tabular(ty, arg.span);
                return;
            }
            ParamType::NotBool | ParamType::NotRealOrBool | ParamType::NotDynamic => {
                let refused = match param.ty {
                    ParamType::NotBool => ty == Ty::Bool,
                    ParamType::NotRealOrBool => matches!(ty, Ty::Bool | Ty::Real),
                    _ => ty.is_dynamic(),
                };
                if self.check_scalar(ty, arg.span) && refused {
                    self.error(
                        "KQL116",
                        arg.span,
                        format!("a value of type {} is not allowed here", ty.name()),
                    );
                }
                return;
            }
            ParamType::SameAs(index) => {
                let other = args.get(usize::from(index)).map_or(Ty::Unknown, |a| a.ty);
                if !quiet && !other.is_opaque() && !self.assignable(other, ty, Conversion::None) {
                    let what = format!("a value of type {} is expected, not {}", other.name(), ty.name());
                    self.error("KQL107", arg.span, what);
                }
                return;
            }
            ParamType::Integer => (ty.is_integer(), "KQL134", "an integer"),
            ParamType::RealOrDecimal => (matches!(ty, Ty::Real | Ty::Decimal), "KQL135", "a real or decimal"),
            ParamType::StringOrDynamic => (ty.is_string_or_dynamic(), "KQL135", "a string or dynamic"),
            ParamType::StringOrArray => {
                (ty.is_string_or_array(), "KQL135", "a string or an array of strings")
            }
            ParamType::IntegerOrArray => {
                (ty.is_integer_or_array(), "KQL135", "an integer or an array of them")
            }
            ParamType::Array => (ty.is_array(), "KQL135", "a dynamic array"),
            ParamType::Bag => (ty.is_bag(), "KQL135", "a dynamic bag"),
            ParamType::Number => (ty.is_numeric(), "KQL135", "a number"),
            ParamType::NumberOrBool => (ty.is_numeric() || ty == Ty::Bool, "KQL135", "a number or bool"),
            ParamType::Summable => (ty.is_summable(), "KQL135", "a number, timespan or datetime"),
            ParamType::Orderable => {
                (ty.is_orderable(), "KQL135", "a number, timespan, datetime, string or bool")
            }
            ParamType::Common
            | ParamType::CommonOrDynamic
            | ParamType::CommonNumber
            | ParamType::CommonSummable
            | ParamType::CommonOrderable => {
                self.check_common(param, arg, args, dealt);
                return;
            }
        };
        let (holds, code, what) = wanted;
        if !holds && !quiet {
            self.error(code, arg.span, format!("{what} is expected, not {}", ty.name()));
        }
    }

    fn check_common(&mut self, param: &Param, arg: &Arg<'a>, args: &[Arg<'a>], dealt: &Dealt<'_>) {
        let ty = arg.ty;
        let (holds, what) = match param.ty {
            ParamType::CommonNumber => (ty.is_numeric(), "a number"),
            ParamType::CommonSummable => (ty.is_summable(), "a number, timespan or datetime"),
            ParamType::CommonOrderable => (ty.is_orderable(), "a number, timespan, datetime, string or bool"),
            _ => (self.check_scalar(ty, arg.span), ""),
        };
        if !holds {
            if !what.is_empty() && !ty.is_opaque() {
                self.error("KQL135", arg.span, format!("{what} is expected, not {}", ty.name()));
            }
            return;
        }
        let Some(common) = self.common_argument(args, dealt, false) else { return };
        let fits = ty.is_unknown()
            || common == Ty::Dynamic && ty.is_dynamic()
            || self.assignable(common, ty, Conversion::Promotable)
            || param.ty == ParamType::CommonOrDynamic
                && self.assignable(Ty::Dynamic, ty, Conversion::Dynamic);
        if !fits && !common.is_opaque() {
            let what = format!("a value of type {} is expected, not {}", common.name(), ty.name());
            self.error("KQL135", arg.span, what);
        }
    }

    fn check_argument_kind(&mut self, param: &Param, arg: &Arg<'a>) {
        let opaque = arg.ty.is_error();
        match param.arg {
            ArgKind::Column | ArgKind::ColumnOfFirst | ArgKind::ColumnOfBoth => {
                if arg.info.sym.column().is_none() && !opaque {
                    self.error("KQL109", arg.span, "a column name is expected");
                }
            }
            ArgKind::Constant => {
                if !arg.info.constant && !opaque {
                    self.error("KQL129", arg.span, "a constant is expected");
                }
            }
            ArgKind::Literal => {
                if !arg.is_literal() {
                    if !opaque {
                        self.error("KQL131", arg.span, "a literal is expected");
                    }
                } else if let Some(set) = param.values {
                    let text = arg.info.value.map_or("", |v| v.text());
                    let known = set
                        .values
                        .iter()
                        .any(|v| if set.case_sensitive { *v == text } else { v.eq_ignore_ascii_case(text) });
                    if !known {
                        let what = format!("'{text}' is not one of: {}", set.values.join(", "));
                        self.error("KQL131", arg.span, what);
                    }
                }
            }
            ArgKind::LiteralNotEmpty => {
                if !arg.is_literal() {
                    if !opaque {
                        self.error("KQL131", arg.span, "a literal is expected");
                    }
                } else if arg.info.value.is_some_and(|v| v.text().is_empty()) {
                    self.error("KQL131", arg.span, "the literal must not be empty");
                }
            }
            ArgKind::Expression
            | ArgKind::Element
            | ArgKind::ColumnOrLiteral
            | ArgKind::Star
            | ArgKind::StarAllowed
            | ArgKind::Aggregate => {}
        }
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
                    if index == last && (named(arg).is_some() || is_boolean(arg)) {
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

fn valid_count(signature: &Signature, count: usize) -> bool {
    if count < signature.min_args || count > signature.max_args {
        return false;
    }
    if signature.layout != Layout::Block {
        return true;
    }
    let repeating = signature.params.iter().filter(|p| p.max > 1).count();
    let fixed = signature.params.len() - repeating;
    repeating == 0 || count.saturating_sub(fixed) % repeating == 0
}

fn is_default_mark(param: &Param, arg: &Arg<'_>) -> bool {
    param.default_mark.is_some() && arg.info.value.and_then(|v| v.string()) == param.default_mark
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

/// Where something stands, for messages about a whole call.
pub(super) fn whole(args: &[Arg<'_>]) -> Span {
    args.iter().map(|a| a.span).reduce(Span::to).unwrap_or_default()
}
