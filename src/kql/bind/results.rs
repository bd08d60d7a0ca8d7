//! The result of a call, from its signature. What no signature can say is in `aggregates` and `plugins`, and here for
//! scalar functions.

use super::Binder;
use super::call::Arg;
use super::matching::Dealt;
use super::rules::Conversion;
use super::symbols::{Sym, Value};
use crate::kql::builtins::{BuiltinKind, Function, Returns, Signature};
use crate::kql::schema::Name;
use crate::kql::syntax::{Call, ExprKind};
use crate::kql::types::{ScalarType, Ty};

impl<'a> Binder<'a> {
    /// The type of a call of one overload.
    pub(super) fn result(
        &mut self,
        signature: &'static Signature,
        args: &[Arg<'a>],
        call: Option<(&'static Function, &'a Call)>,
    ) -> Ty {
        let arg = |index: usize| args.get(index).map_or(Ty::Error, |a| a.ty);
        let type_of = |index: usize| match args.get(index).map(|a| a.info.sym) {
            Some(Sym::TypeOf(ty)) => ty,
            _ => Ty::Error,
        };
        let last = signature.params.len().saturating_sub(1);
        match signature.returns {
            Returns::Declared(ty) => ty,
            Returns::Columns(columns) => {
                let columns: Vec<_> = columns.iter().map(|(name, ty)| self.column_named(name, *ty)).collect();
                Ty::Table(self.new_table(columns, false).0)
            }
            Returns::Arg(index) => arg(usize::from(index)),
            Returns::LastArg => arg(last),
            Returns::ArgPromoted => arg(0).int_to_long(),
            Returns::ArgArray => match args.first() {
                Some(first) => self.array_of(first.ty),
                None => Ty::Error,
            },
            Returns::TypeOf(index) => type_of(usize::from(index)),
            Returns::LastTypeOf => type_of(last),
            Returns::Common | Returns::CommonNotDynamic => {
                let dealt = self.deal(signature, args);
                let skip_dynamic = signature.returns == Returns::CommonNotDynamic;
                self.common_argument(args, &dealt, skip_dynamic).unwrap_or(Ty::Error)
            }
            Returns::Widest => {
                let types: Vec<Ty> = args.iter().map(|a| a.ty).collect();
                self.widest(&types).map_or(Ty::Error, Ty::int_to_long)
            }
            Returns::Cluster => Ty::Cluster,
            Returns::Database => Ty::Database(args.is_empty() && self.cx.path.is_none()),
            Returns::Table => self.table_by_name(args),
            Returns::OpenTable => self.open_result().ty,
            Returns::EntityGroup => Ty::EntityGroup,
            Returns::Graph => {
                let edges = self.open_table();
                let nodes = self.open_table();
                self.new_graph(super::symbols::Graph { edges, nodes: Some(nodes) })
            }
            Returns::Custom => match call {
                Some((function, call)) => self.custom_result(signature, function, call, args),
                None => Ty::Unknown,
            },
        }
    }

    /// `table("T")`: a variable or table of that name if the name is known.
    fn table_by_name(&mut self, args: &[Arg<'a>]) -> Ty {
        self.looked_up = true;
        let Some(name) = args.first().and_then(|a| self.string_value(a)) else {
            return self.open_result().ty;
        };
        if name.contains('*') || matches!(self.cx.path, Some(Ty::Database(false))) {
            return self.open_result().ty;
        }
        let interned = self.names.intern(name);
        if self.cx.path.is_none() {
            match self.local(interned) {
                Some(Sym::Variable(id)) => return self.variable(id).ty,
                Some(Sym::User(user)) => return self.declared_result(user),
                _ => {}
            }
        }
        match self.schema_table(name) {
            Some(table) => {
                self.facts.table(self.quiet, name);
                Ty::Table(table.0)
            }
            None => {
                let span = args.first().map_or_else(Default::default, |a| a.span);
                self.unknown_name(name, span, true).ty
            }
        }
    }

    fn custom_result(
        &mut self,
        signature: &'static Signature,
        function: &'static Function,
        call: &'a Call,
        args: &[Arg<'a>],
    ) -> Ty {
        if let Some(aggregate) = self.aggregate_result(function.name, args) {
            return aggregate;
        }
        let is_plugin =
            self.builtins.find(BuiltinKind::Plugin, function.name).is_some_and(|f| std::ptr::eq(f, function));
        if is_plugin {
            return self.plugin_result(signature, function.name, args);
        }
        let _ = call;
        let dealt = self.deal(signature, args);
        match function.name {
            "bin_auto" => args.first().map_or(Ty::Unknown, |a| a.ty.int_to_long()),
            "array_concat" => {
                let types: Vec<Ty> = args.iter().map(|a| a.ty).collect();
                self.common_of(&types, Conversion::None).unwrap_or(Ty::ARRAY)
            }
            "array_iff" | "array_iif" => match args.get(1).map(|a| a.ty) {
                Some(ty) if ty.is_dynamic() => ty,
                Some(ty) => self.array_of(ty),
                None => Ty::ARRAY,
            },
            "array_sort_asc" | "array_sort_desc" => self.sorted_arrays(args),
            "pack" | "pack_dictionary" | "bag_pack" => self.packed_bag(args),
            "bag_pack_columns" => {
                let columns: Vec<_> = args.iter().filter_map(|a| a.info.sym.column()).collect();
                self.bag_of_columns(&columns)
            }
            "pack_all" => {
                let columns = self.row_columns();
                self.bag_of_columns(&columns)
            }
            "pack_array" => {
                let element = if args.first().is_some_and(Arg::is_star) {
                    let columns = self.row_columns();
                    self.common_of_columns(&columns, Conversion::Promotable)
                } else {
                    let types: Vec<Ty> = args.iter().map(|a| a.ty).collect();
                    self.common_of(&types, Conversion::Promotable)
                };
                self.array_of(element.unwrap_or(Ty::Dynamic))
            }
            "set_union" | "set_intersect" | "set_difference" => {
                let types: Vec<Ty> = args.iter().map(|a| a.ty).collect();
                match self.common_of(&types, Conversion::Promotable) {
                    Some(ty @ Ty::Array(_)) => ty,
                    _ => Ty::ARRAY,
                }
            }
            "bag_merge" => self.merged_bag(args),
            "bag_remove_keys" => self.bag_without_keys(args),
            "bag_set_key" => self.bag_with_key(args),
            "map" => match args.get(1).map(|a| a.ty) {
                Some(ty) => self.array_of(ty),
                None => Ty::ARRAY,
            },
            "inner_nodes" => match self.cx.graph.and_then(|g| self.graph(g)).and_then(|g| g.nodes) {
                Some(nodes) => {
                    let columns = self.declared(nodes);
                    self.new_tuple(columns, None)
                }
                None => Ty::ARRAY_BAG,
            },
            name => self.series_result(name, args, &dealt),
        }
    }

    fn sorted_arrays(&mut self, args: &[Arg<'a>]) -> Ty {
        let mut columns = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            if !arg.ty.is_array() {
                break;
            }
            let name = match self.argument_name(arg) {
                Some(name) => format!("{}_sorted", self.names.text(name)),
                None => format!("array{index}_sorted"),
            };
            columns.push(self.column_named(&name, arg.ty));
        }
        self.new_tuple(columns, None)
    }

    fn packed_bag(&mut self, args: &[Arg<'a>]) -> Ty {
        let mut members: Vec<(Name, Ty)> = Vec::new();
        for pair in args.chunks(2) {
            if let [key, value] = pair
                && let Some(name) = self.string_value(key)
            {
                members.push((self.names.intern(name), value.ty));
            }
        }
        self.new_bag(members)
    }

    fn bag_of_columns(&mut self, columns: &[super::symbols::ColId]) -> Ty {
        let members = columns.iter().map(|&c| self.column(c)).map(|c| (c.name, c.ty)).collect();
        self.new_bag(members)
    }

    fn merged_bag(&mut self, args: &[Arg<'a>]) -> Ty {
        let Some(Ty::Bag(first)) = args.first().map(|a| a.ty) else { return Ty::BAG };
        let mut members = self.bag(first).to_vec();
        for arg in args.iter().skip(1) {
            if let Ty::Bag(bag) = arg.ty {
                for &(name, ty) in self.bag(bag) {
                    if !members.iter().any(|(known, _)| *known == name) {
                        members.push((name, ty));
                    }
                }
            }
        }
        self.new_bag(members)
    }

    fn bag_without_keys(&mut self, args: &[Arg<'a>]) -> Ty {
        // Which keys go is only known for a literal list; then the other members stay known.
        let (Some(Ty::Bag(bag)), Some(ExprKind::Dynamic(keys))) =
            (args.first().map(|a| a.ty), args.get(1).and_then(|a| a.expr).map(|e| &e.kind))
        else {
            return Ty::BAG;
        };
        let ExprKind::Array(keys) = &keys.kind else { return Ty::BAG };
        let gone: Vec<&str> = keys
            .iter()
            .filter_map(|key| match &key.kind {
                ExprKind::String(s) => Some(&*s.value),
                _ => None,
            })
            .collect();
        let members = self.bag(bag).to_vec();
        let left = members.into_iter().filter(|(name, _)| !gone.contains(&self.names.text(*name))).collect();
        self.new_bag(left)
    }

    fn bag_with_key(&mut self, args: &[Arg<'a>]) -> Ty {
        let bag = args.first().map_or(Ty::BAG, |a| a.ty);
        let key = args.get(1).and_then(|a| self.string_value(a));
        let plain = key.filter(|k| !k.trim().is_empty() && !k.contains(['$', '.', '[', ']']));
        let (Some(key), Some(value)) = (plain, args.get(2)) else { return bag };
        let name = self.names.intern(key);
        let mut members = match bag {
            Ty::Bag(id) => self.bag(id).to_vec(),
            _ => Vec::new(),
        };
        members.retain(|(known, _)| *known != name);
        members.push((name, value.ty));
        self.new_bag(members)
    }

    /// `series_...` functions that give several columns or a bag of them.
    fn series_result(&mut self, function: &str, args: &[Arg<'a>], dealt: &Dealt<'_>) -> Ty {
        let Some((bag, members)) = series_members(function) else { return Ty::Unknown };
        if bag {
            let members = members.iter().map(|(name, ty)| (self.names.intern(name), *ty)).collect();
            return self.new_bag(members);
        }
        let _ = dealt;
        let source = args.first().and_then(|arg| self.argument_name(arg));
        let mut columns = Vec::new();
        for (member, ty) in members {
            let name = match source {
                Some(source) => format!("{function}_{}_{member}", self.names.text(source)),
                None => format!("{function}__{member}"),
            };
            columns.push(self.column_named(&name, *ty));
        }
        self.new_tuple(columns, None)
    }

    /// The literal of an argument as text; empty if it is none.
    pub(super) fn constant_text(arg: &Arg<'a>) -> &'a str {
        arg.info.value.map_or("", Value::text)
    }
}

type Members = &'static [(&'static str, Ty)];

/// The columns of a `series_...` function that gives several; `None` if it gives none or a bag.
pub(crate) fn series_columns(function: &str) -> Option<Vec<(&'static str, ScalarType)>> {
    let (bag, members) = series_members(function)?;
    (!bag).then(|| members.iter().map(|(name, ty)| (*name, ty.scalar())).collect())
}

/// What a `series_...` function gives, and whether as a bag.
fn series_members(function: &str) -> Option<(bool, Members)> {
    const STATS: Members = &[
        ("min", Ty::Real),
        ("min_idx", Ty::Long),
        ("max", Ty::Real),
        ("max_idx", Ty::Long),
        ("avg", Ty::Real),
        ("stdev", Ty::Real),
        ("variance", Ty::Real),
    ];
    const FFT: Members = &[("real", Ty::ARRAY_REAL), ("imag", Ty::ARRAY_REAL)];
    const LINE: Members = &[
        ("rsquare", Ty::Real),
        ("slope", Ty::Real),
        ("variance", Ty::Real),
        ("rvariance", Ty::Real),
        ("interception", Ty::Real),
        ("line_fit", Ty::ARRAY_REAL),
    ];
    const LINES: Members = &[
        ("rsquare", Ty::Real),
        ("split_idx", Ty::Long),
        ("variance", Ty::Real),
        ("rvariance", Ty::Real),
        ("line_fit", Ty::ARRAY_REAL),
        ("right_rsquare", Ty::Real),
        ("right_slope", Ty::Real),
        ("right_interception", Ty::Real),
        ("right_variance", Ty::Real),
        ("right_rvariance", Ty::Real),
        ("left_rsquare", Ty::Real),
        ("left_slope", Ty::Real),
        ("left_interception", Ty::Real),
        ("left_variance", Ty::Real),
        ("left_rvariance", Ty::Real),
    ];
    const POLY: Members = &[
        ("rsquare", Ty::Real),
        ("coefficients", Ty::ARRAY_REAL),
        ("variance", Ty::Real),
        ("rvariance", Ty::Real),
        ("poly_fit", Ty::ARRAY_REAL),
    ];
    const PERIODS: Members = &[("periods", Ty::ARRAY_REAL), ("scores", Ty::ARRAY_REAL)];
    const DECOMPOSE: Members =
        &[("baseline", Ty::ARRAY), ("seasonal", Ty::ARRAY), ("trend", Ty::ARRAY), ("residual", Ty::ARRAY)];
    const ANOMALIES: Members = &[("ad_flag", Ty::ARRAY), ("ad_score", Ty::ARRAY), ("baseline", Ty::ARRAY)];
    Some(match function {
        "series_stats" => (false, STATS),
        "series_stats_dynamic" => (true, STATS),
        "series_fft" | "series_ifft" => (false, FFT),
        "series_fit_line" => (false, LINE),
        "series_fit_line_dynamic" => (true, LINE),
        "series_fit_2lines" => (false, LINES),
        "series_fit_2lines_dynamic" => (true, LINES),
        "series_fit_poly" => (false, POLY),
        "series_periods_detect" | "series_periods_validate" => (false, PERIODS),
        "series_decompose" | "series_decompose_forecast" => (false, DECOMPOSE),
        "series_decompose_anomalies" => (false, ANOMALIES),
        _ => return None,
    })
}
