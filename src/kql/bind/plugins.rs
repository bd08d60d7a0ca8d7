//! What `evaluate PLUGIN(...)` returns.

use std::sync::Arc;

use super::Binder;
use super::call::Arg;
use super::symbols::{ColId, Sym, TableId, Value};
use crate::kql::builtins::Signature;
use crate::kql::syntax::{Expr, ExprKind};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    pub(super) fn plugin_result(
        &mut self,
        signature: &'static Signature,
        plugin: &'static str,
        args: &[Arg<'a>],
    ) -> Ty {
        let named = |binder: &mut Self, name: &str| -> Option<Arg<'a>> {
            let dealt = binder.deal(signature, args);
            let index = dealt.iter().position(|p| p.is_some_and(|p| p.name == name))?;
            args.get(index).copied()
        };
        match plugin {
            "bag_unpack" => {
                let unpacked = args.first().and_then(|a| a.info.sym.column());
                let columns = self.input_columns();
                let left: Vec<ColId> = columns.iter().copied().filter(|&c| Some(c) != unpacked).collect();
                Ty::Table(self.new_table(left, true).0)
            }
            "pivot" => self.pivot(args),
            "autocluster" | "basket" => {
                self.before_input(&[("SegmentId", Ty::Long), ("Count", Ty::Long), ("Percent", Ty::Real)])
            }
            "diffpatterns" => self.before_input(&[
                ("SegmentId", Ty::Long),
                ("CountA", Ty::Long),
                ("CountB", Ty::Long),
                ("PercentA", Ty::Real),
                ("PercentB", Ty::Real),
                ("PercentDiffAB", Ty::Real),
            ]),
            "dcount_intersect" => {
                let mut columns = self.input_columns().to_vec();
                for index in 0..args.len() {
                    columns.push(self.column_named(&format!("s{index}"), Ty::Long));
                }
                self.same_openness(columns)
            }
            "identity" | "identity_v3" | "rows_near" | "preview" => match self.cx.row {
                Some(row) => Ty::Table(row.0),
                None => self.open_result().ty,
            },
            "estimate_rows_count" => self.fixed(&[("EstimatedRowsCount", Ty::Long)]),
            "ipv4_lookup" | "ipv6_lookup" | "geo_polygon_lookup" | "geo_line_lookup" => {
                self.lookup(signature, args)
            }
            "python" | "r" | "csharp" => match args.first().map(|a| a.info.sym) {
                Some(Sym::TypeOf(ty @ Ty::Table(_))) => ty,
                _ => self.open_result().ty,
            },
            "ai_embed_text" | "ai_embeddings" | "ai_chat_completion" | "ai_chat_completion_prompt" => {
                self.model_answer(plugin, args)
            }
            "funnel_sequence" | "funnel_sequence_completion" => {
                let mut columns: Vec<ColId> =
                    named(self, "TimelineColumn").and_then(|a| a.info.sym.column()).into_iter().collect();
                if let Some(state) = named(self, "StateColumn") {
                    if plugin == "funnel_sequence" {
                        columns.push(self.column_named("prev", state.ty));
                        columns.push(self.column_named("next", state.ty));
                    } else {
                        let name = self.argument_name(&state);
                        let name = name.unwrap_or_else(|| self.names.intern(""));
                        columns.push(self.new_column(name, Ty::String));
                    }
                }
                let rest: &[(&str, Ty)] = if plugin == "funnel_sequence" {
                    &[("dcount", Ty::Long), ("samples", Ty::ARRAY)]
                } else {
                    &[("Period", Ty::TimeSpan), ("dcount", Ty::Long)]
                };
                self.with_fixed(columns, rest)
            }
            "rolling_percentile" => {
                let mut columns: Vec<ColId> =
                    named(self, "IndexColumn").and_then(|a| a.info.sym.column()).into_iter().collect();
                columns.extend(self.dimensions(signature, args));
                let text = |arg: Option<Arg<'a>>| {
                    let text = arg.and_then(|a| a.info.value).map_or("", Value::text);
                    if text.is_empty() { "0" } else { text }
                };
                let bins = text(named(self, "BinsPerWindow"));
                let percentile = text(named(self, "Percentile"));
                let value = named(self, "ValueColumn").and_then(|a| a.info.sym.column());
                let (name, ty) = match value.map(|c| self.column(c)) {
                    Some(column) => (self.names.text(column.name).to_owned(), column.ty),
                    None => ("value".to_owned(), Ty::Long),
                };
                columns
                    .push(self.column_named(&format!("rolling_{bins}_percentile_{name}_{percentile}"), ty));
                Ty::Table(self.new_table(columns, false).0)
            }
            "new_activity_metrics" => {
                let mut columns = Vec::new();
                if let Some(timeline) = named(self, "TimelineColumn") {
                    let name = self.argument_name(&timeline);
                    let name = name.map_or_else(String::new, |name| self.names.text(name).to_owned());
                    columns.push(self.column_named(&format!("from_{name}"), timeline.ty));
                    columns.push(self.column_named(&format!("to_{name}"), timeline.ty));
                }
                columns.extend(self.dimensions(signature, args));
                self.with_fixed(
                    columns,
                    &[
                        ("dcount_new_values", Ty::Long),
                        ("dcount_retained_values", Ty::Long),
                        ("dcount_churn_values", Ty::Long),
                        ("retention_rate", Ty::Real),
                        ("churn_rate", Ty::Real),
                    ],
                )
            }
            "sequence_detect" => {
                let mut columns = self.dimensions(signature, args);
                if let Some(timeline) = named(self, "TimelineColumn") {
                    let time = self.argument_name(&timeline);
                    let time = time.map_or_else(String::new, |name| self.names.text(name).to_owned());
                    let dealt = self.deal(signature, args);
                    for (arg, param) in args.iter().zip(&dealt) {
                        if param.is_some_and(|p| p.name == "Expr") {
                            let name = self.argument_name(arg);
                            let name = name.map_or("", |name| self.names.text(name));
                            let text = format!("{name}_{time}");
                            columns.push(self.column_named(&text, timeline.ty));
                        }
                    }
                }
                self.with_fixed(columns, &[("Duration", Ty::TimeSpan)])
            }
            name => match timeline_result(name) {
                Some(fixed) => {
                    let mut columns: Vec<ColId> =
                        named(self, "TimelineColumn").and_then(|a| a.info.sym.column()).into_iter().collect();
                    columns.extend(self.dimensions(signature, args));
                    self.with_fixed(columns, fixed)
                }
                // What it returns is only known where it runs.
                None => self.open_result().ty,
            },
        }
    }

    fn input_columns(&self) -> Arc<[ColId]> {
        match self.cx.row {
            Some(row) => self.declared(row),
            None => self.row_columns(),
        }
    }

    fn same_openness(&mut self, columns: Vec<ColId>) -> Ty {
        let open = self.row_is_open();
        Ty::Table(self.new_table(columns, open).0)
    }

    fn fixed(&mut self, columns: &[(&str, Ty)]) -> Ty {
        self.with_fixed(Vec::new(), columns)
    }

    fn with_fixed(&mut self, mut columns: Vec<ColId>, fixed: &[(&str, Ty)]) -> Ty {
        for (name, ty) in fixed {
            columns.push(self.column_named(name, *ty));
        }
        Ty::Table(self.new_table(columns, false).0)
    }

    fn before_input(&mut self, fixed: &[(&str, Ty)]) -> Ty {
        let mut columns: Vec<ColId> = fixed.iter().map(|(name, ty)| self.column_named(name, *ty)).collect();
        columns.extend_from_slice(&self.input_columns());
        self.same_openness(columns)
    }

    fn dimensions(&mut self, signature: &'static Signature, args: &[Arg<'a>]) -> Vec<ColId> {
        let dealt = self.deal(signature, args);
        let dimension = args.iter().zip(&dealt).filter(|(_, p)| p.is_some_and(|p| p.name == "Dimension"));
        dimension.filter_map(|(arg, _)| arg.info.sym.column()).collect()
    }

    fn pivot(&mut self, args: &[Arg<'a>]) -> Ty {
        let column = |arg: Option<&Arg<'a>>| arg.and_then(|a| a.info.sym.column());
        let pivoted = column(args.first());
        let aggregated = match args.get(1).and_then(|a| a.expr).map(|e| &e.kind) {
            Some(ExprKind::Call(call)) => call.arguments.first().and_then(|e| self.column_of(e)),
            _ => None,
        };
        let mut columns: Vec<ColId> = args.iter().skip(2).filter_map(|a| a.info.sym.column()).collect();
        if columns.is_empty() {
            let input = self.input_columns();
            columns.extend(input.iter().copied().filter(|&c| Some(c) != pivoted && Some(c) != aggregated));
        }
        Ty::Table(self.new_table(columns, true).0)
    }

    fn column_of(&mut self, expr: &'a Expr) -> Option<ColId> {
        self.quietly(|binder| binder.expr(expr)).sym.column()
    }

    fn lookup(&mut self, signature: &'static Signature, args: &[Arg<'a>]) -> Ty {
        let Some(Ty::Table(right)) = args.first().map(|a| a.ty) else {
            return match self.cx.row {
                Some(row) => Ty::Table(row.0),
                None => self.open_result().ty,
            };
        };
        let dealt = self.deal(signature, args);
        let open = self.row_is_open() || self.is_open(TableId(right));
        let mut columns = self.input_columns().to_vec();
        let right = self.table_columns(right);
        let mut left_out: Vec<String> = Vec::new();
        let name_of = |binder: &Self, arg: &Arg<'a>| {
            arg.info.sym.column().map(|c| binder.names.text(binder.column(c).name).to_lowercase())
        };
        for (arg, param) in args.iter().zip(&dealt) {
            let Some(param) = param else { continue };
            let key = match param.name {
                "ExtraKey" => true,
                "LookupPolygonKey" | "LookupLineKey" => !returns_key(args, &dealt),
                _ => false,
            };
            if key {
                left_out.extend(name_of(self, arg));
            }
        }
        columns.extend(right.iter().copied().filter(|&c| {
            let name = self.names.text(self.column(c).name);
            !left_out.contains(&name.to_lowercase())
        }));
        self.make_names_unique(&mut columns);
        Ty::Table(self.new_table(columns, open).0)
    }

    fn model_answer(&mut self, plugin: &str, args: &[Arg<'a>]) -> Ty {
        let (suffix, ty) = match plugin {
            "ai_embed_text" => ("embedding", Ty::Dynamic),
            "ai_embeddings" => ("embeddings", Ty::Dynamic),
            _ => ("completion", Ty::String),
        };
        let name = args.first().and_then(|arg| self.argument_name(arg));
        let name = name.map_or_else(String::new, |name| self.names.text(name).to_owned());
        let mut columns = self.input_columns().to_vec();
        columns.push(self.column_named(&format!("{name}_{suffix}"), ty));
        let errors = args.get(3).and_then(|a| a.info.value).and_then(Value::boolean) == Some(true);
        if errors {
            columns.push(self.column_named(&format!("{name}_{suffix}_error"), Ty::String));
        }
        Ty::Table(self.new_table(columns, false).0)
    }
}

/// `return_lookup_key=true` of a geographic lookup.
fn returns_key(args: &[Arg<'_>], dealt: &super::matching::Dealt<'_>) -> bool {
    args.iter().zip(dealt).any(|(a, p)| {
        p.is_some_and(|p| p.name == "return_lookup_key")
            && a.info.value.and_then(Value::boolean) == Some(true)
    })
}

/// Plugins that return a time line, dimensions and fixed columns.
fn timeline_result(plugin: &str) -> Option<&'static [(&'static str, Ty)]> {
    Some(match plugin {
        "active_users_count" => &[("dcount", Ty::Long)],
        "activity_counts_metrics" => &[
            ("count", Ty::Long),
            ("dcount", Ty::Long),
            ("new_dcount", Ty::Long),
            ("aggregated_dcount", Ty::Long),
        ],
        "activity_engagement" => &[
            ("dcount_activities_inner", Ty::Long),
            ("dcount_activities_outer", Ty::Long),
            ("activity_ratio", Ty::Real),
        ],
        "activity_metrics" => &[
            ("dcount_values", Ty::Long),
            ("dcount_newvalues", Ty::Long),
            ("retention_rate", Ty::Real),
            ("churn_rate", Ty::Real),
        ],
        "session_count" => &[("count_sessions", Ty::Long)],
        "sliding_window_counts" => &[("Count", Ty::Long), ("Dcount", Ty::Long)],
        _ => return None,
    })
}
