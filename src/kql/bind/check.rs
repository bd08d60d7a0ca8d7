//! What is wrong with a call whose overload is clear: the number of arguments, their types, what kind of expression they
//! are. An argument of unknown type is never wrong.

use super::Binder;
use super::call::{Arg, Callee};
use super::matching::{Dealt, Fit, is_default_mark};
use super::rules::Conversion;
use crate::kql::builtins::{ArgKind, Layout, Param, ParamType, Signature};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
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
                if matches!(self.fit(Some(param), arg, args, dealt), Fit::None) && !ty.is_opaque() {
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
    repeating == 0 || count.saturating_sub(fixed).is_multiple_of(repeating)
}
