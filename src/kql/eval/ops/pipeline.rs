//! Pipelines: which code runs for which operator.

use crate::kql::eval::Fault;
use crate::kql::eval::compile::Compiler;
use crate::kql::eval::frame::Frame;
use crate::kql::eval::run::Run;
use crate::kql::eval::scope::{Meaning, Scope};
use crate::kql::syntax::{Expr, ExprKind, Operator, OperatorKind, OperatorParameter, Pipeline};

impl<'a> Run<'a> {
    /// `source | operator | operator`. `input` is what a pipeline without a source reads, if it is inside another.
    pub(crate) fn pipeline(
        &self,
        pipeline: &'a Pipeline,
        input: Option<Frame>,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        let mut scope = scope.clone();
        let mut current = match &pipeline.source {
            Some(source) => {
                let fuzzy = fuzzy_union(&pipeline.operators).unwrap_or(scope.fuzzy);
                Some(self.table(source, &Scope { fuzzy, ..scope.clone() })?)
            }
            None => input,
        };
        let mut label = None;
        for operator in &pipeline.operators {
            let _nested = self.enter(scope.place(operator.span))?;
            if let (OperatorKind::As(alias), Some(frame)) = (&operator.kind, &current) {
                label = Some(&*alias.name.text);
                scope = scope.with(&alias.name.text, Meaning::Table(frame.clone()));
                continue;
            }
            let outer = self.context.enter(scope.place(operator.span));
            let (input, label) = (current.take(), label.take());
            let frame = match &operator.kind {
                OperatorKind::Union(union) => self.union(union, input, label, &scope, operator.span)?,
                _ => self.operator(operator, input, &scope)?,
            };
            self.context.check_rows(frame.rows.len(), scope.place(operator.span))?;
            self.context.enter(outer);
            current = Some(frame);
        }
        current.ok_or_else(|| scope.failed("there is nothing to read", scope_span(pipeline)))
    }

    /// A sub-query that reads the input without naming it.
    pub(crate) fn piped(&self, query: &'a Expr, input: Frame, scope: &Scope<'a>) -> Result<Frame, Fault> {
        match &query.kind {
            ExprKind::Paren(inner) => self.piped(inner, input, scope),
            ExprKind::Pipeline(pipeline) => self.pipeline(pipeline, Some(input), scope),
            _ => self.table(query, scope),
        }
    }

    fn operator(
        &self,
        operator: &'a Operator,
        input: Option<Frame>,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        let span = operator.span;
        let word = operator.keyword.of(scope.text);
        match &operator.kind {
            OperatorKind::Print(items) => return self.print(items, scope, span),
            OperatorKind::Range(range) => return self.range(range, scope, span),
            OperatorKind::Search(search) => return self.search(search, input, scope, span),
            OperatorKind::Find(find) => return self.find(find, scope, span),
            OperatorKind::MacroExpand(_) => return Err(scope.not_evaluated(word, operator.keyword)),
            _ => {}
        }
        let Some(frame) = input else {
            return Err(scope.failed(format!("'{word}' has nothing to read"), operator.keyword));
        };
        match &operator.kind {
            OperatorKind::Where(rows) => self.filter(&rows.value, frame, scope),
            OperatorKind::Take(rows) | OperatorKind::Sample(rows) => self.take(&rows.value, frame, scope),
            OperatorKind::Extend(items) => self.extend(items, frame, scope, span),
            OperatorKind::Serialize(columns) => self.extend(&columns.items, frame, scope, span),
            OperatorKind::Project(items) => self.project(items, frame, scope, span),
            OperatorKind::ProjectAway(items) => self.project_away(items, false, &frame, scope),
            OperatorKind::ProjectKeep(items) => self.project_away(items, true, &frame, scope),
            OperatorKind::ProjectRename(items) => self.project_rename(items, frame, scope),
            OperatorKind::ProjectReorder(items) => self.project_reorder(items, &frame, scope),
            OperatorKind::ProjectByNames(items) => self.project_by_names(items, &frame, scope),
            OperatorKind::Summarize(summarize) => self.summarize(summarize, &frame, scope, span),
            OperatorKind::Distinct(columns) => self.distinct(&columns.items, &frame, scope, span),
            OperatorKind::SampleDistinct(sample) => self.sample_distinct(sample, &frame, scope, span),
            OperatorKind::Sort(sort) => self.sort(&sort.by, frame, scope),
            OperatorKind::Top(top) => self.top(top, frame, scope),
            OperatorKind::TopHitters(top) => self.top_hitters(top, &frame, scope, span),
            OperatorKind::Count(name) => Ok(self.count(name.as_ref(), &frame)),
            OperatorKind::Join(join) => self.join(join, false, frame, scope, span),
            OperatorKind::Lookup(join) => self.join(join, true, frame, scope, span),
            OperatorKind::MvExpand(expand) => self.mv_expand(expand, word == "mvexpand", &frame, scope, span),
            OperatorKind::MvApply(apply) => self.mv_apply(apply, &frame, scope, span),
            OperatorKind::Parse(parse) => self.parse(parse, false, frame, scope, span),
            OperatorKind::ParseWhere(parse) => self.parse(parse, true, frame, scope, span),
            OperatorKind::ParseKv(parse) => self.parse_kv(parse, frame, scope, span),
            OperatorKind::Evaluate(evaluate) => self.evaluate_plugin(evaluate, frame, scope, span),
            OperatorKind::MakeSeries(series) => self.make_series(series, &frame, scope, span),
            OperatorKind::Scan(scan) => self.scan(scan, &frame, scope, span),
            OperatorKind::Partition(partition) => self.partition(partition, &frame, scope),
            OperatorKind::Invoke(call) => self.invoke(call, frame, scope),
            OperatorKind::Getschema(None) => Ok(self.getschema(&frame)),
            OperatorKind::Render(_) | OperatorKind::AssertSchema(_) | OperatorKind::As(_) => Ok(frame),
            OperatorKind::Unknown(name) => {
                Err(scope.failed(format!("there is no operator '{}'", name.text), operator.keyword))
            }
            _ => Err(scope.not_evaluated(word, operator.keyword)),
        }
    }

    /// `invoke f(...)`
    fn invoke(&self, call: &'a Expr, frame: Frame, scope: &Scope<'a>) -> Result<Frame, Fault> {
        let ExprKind::Call(invoked) = &call.kind else {
            return Err(scope.failed("a call of a function is expected", call.span));
        };
        let name: &str = &invoked.name.text;
        let compiler = Compiler::constants(self, scope);
        let user = match scope.find(name) {
            Some(Meaning::Function(user)) => Some(std::rc::Rc::clone(user)),
            Some(_) => None,
            None if name == "FileProfile" => return self.file_profile(invoked, frame, scope, call.span),
            None => self.stored(name),
        };
        let Some(user) = user else { return Err(scope.not_evaluated(format!("invoke {name}()"), call.span)) };
        match self.call(&user, &invoked.arguments, Some(frame), &compiler, call.span)? {
            crate::kql::eval::run::Entity::Table(frame) => Ok(frame),
            _ => Err(scope.failed(format!("{name}() gives no table"), call.span)),
        }
    }
}

/// What the first union among these operators says about tables that do not exist.
fn fuzzy_union(operators: &[Operator]) -> Option<bool> {
    operators.iter().find_map(|operator| match &operator.kind {
        OperatorKind::Union(union) => Some(is_fuzzy(&union.parameters)),
        _ => None,
    })
}

/// `isfuzzy=true`
pub(super) fn is_fuzzy(parameters: &[OperatorParameter]) -> bool {
    word(parameters, &["isfuzzy"]).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The value of a parameter that is a word, a name or a text.
pub(super) fn word<'p>(parameters: &'p [OperatorParameter], names: &[&str]) -> Option<&'p str> {
    let parameter = parameters.iter().find(|p| names.contains(&&*p.name.text))?;
    match &parameter.value.kind {
        ExprKind::Name(name) => Some(&name.text),
        ExprKind::String(string) => Some(&string.value),
        // Only `true` and `false` are written so, and the longer is no other word.
        ExprKind::Literal(_) => Some(if parameter.value.span.len() == 4 { "true" } else { "false" }),
        _ => None,
    }
}

fn scope_span(pipeline: &Pipeline) -> crate::kql::span::Span {
    pipeline.operators.first().map_or_else(Default::default, |operator| operator.span)
}
