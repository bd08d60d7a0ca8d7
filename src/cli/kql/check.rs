//! `palisade kql check`: errors, advice and cost of queries.

use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;

use super::SchemaArgs;
use super::input::{self, Input};
use super::jsonl;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ui::Ui;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::kql::bind::{Bound, bind};
use crate::kql::cost::{Cost, cost};
use crate::kql::parser::{Parse, parse};
use crate::kql::schema::{Platform, Schema};
use crate::kql::{self, bind, lints};
use crate::source::{FileId, SourceMap, Span};

/// Arguments of `kql check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Files with one query each; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "jsonl")]
    files: Vec<PathBuf>,
    /// Read {"id", "platform"?, "query"} lines on standard input, write a line of verdict for each
    #[arg(long, conflicts_with_all = ["files", "strict", "max_cost"])]
    jsonl: bool,
    #[command(flatten)]
    schema: SchemaArgs,
    /// Warnings are errors
    #[arg(long)]
    strict: bool,
    /// Refuse queries with a higher cost score
    #[arg(long, value_name = "N")]
    max_cost: Option<u32>,
}

pub(super) fn run(args: &CheckArgs, ui: &Ui) -> Result<Exit, Failure> {
    let schemas = args.schema.schemas()?;
    let platform = args.schema.platform();
    if args.jsonl {
        let output = BufWriter::new(std::io::stdout().lock());
        return match jsonl::run(std::io::stdin().lock(), output, &schemas, platform) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::error("the lines could not be read or answered").caused_by(&error))
            }
            _ => Ok(Exit::Done),
        };
    }
    let mut sources = SourceMap::default();
    let mut found = Diagnostics::default();
    let mut costs = Vec::new();
    for path in &args.files {
        let Input { name, text } = input::read(path)?;
        let checked = Checked::new(&text, schemas.of(platform), platform);
        let file = sources.add(name.as_str(), text.as_str());
        found.extend(checked.diagnostics(file));
        if let Some(most) = args.max_cost.filter(|most| checked.cost.total > *most) {
            found.push(too_dear(&checked.cost, most, file));
        }
        costs.push(cost_line(&name, &checked.cost, &text));
    }
    found.settle(&sources);
    ui.data(&crate::render::diagnostics::text(&found, &sources, ui.out.color, ui.width));
    costs.iter().for_each(|line| ui.say(line));
    let fails = found.has_errors() || (args.strict && found.count(Severity::Warning) > 0);
    let counted = crate::cli::repository::count_line(&found);
    if !counted.is_empty() {
        ui.tell(counted.trim_end_matches("; nothing was sent."));
    }
    Ok(if fails { Exit::Error } else { Exit::Done })
}

/// Everything that is known of one query.
struct Checked {
    parse: Parse,
    bound: Bound,
    lints: Vec<lints::Finding>,
    cost: Cost,
}

impl Checked {
    fn new(text: &str, schema: &Schema, platform: Platform) -> Self {
        let parse = parse(text);
        let bound = bind(&parse, text, schema);
        let lints = lints::run(text, &parse, &bound, platform);
        let cost = cost(text, &parse, &bound, platform);
        Self { parse, bound, lints, cost }
    }

    fn diagnostics(&self, file: FileId) -> Diagnostics {
        let at = |span: kql::Span| Span::new(file, span.start, span.end);
        let syntax = self.parse.errors.iter().map(|error| {
            Diagnostic::error(error.code.as_str(), "the query cannot be parsed")
                .labelled(at(error.span), error.message.clone())
        });
        // After a syntax error the tree is a guess, and so is what it means.
        let meaning = self.bound.diagnostics.iter().filter(|_| self.parse.errors.is_empty()).map(|fault| {
            let severity = match fault.severity {
                bind::Severity::Error => Severity::Error,
                bind::Severity::Warning => Severity::Warning,
            };
            let title = bind::code_title(fault.code).unwrap_or("the query is not right");
            let diagnostic =
                Diagnostic::new(fault.code, severity, title).labelled(at(fault.span), fault.message.clone());
            match &fault.suggestion {
                Some(name) => diagnostic.with_help(format!("did you mean `{name}`?")),
                None => diagnostic,
            }
        });
        let advice = self.lints.iter().map(|finding| {
            let title = lints::find(finding.code).map_or("", |lint| lint.title);
            let diagnostic = Diagnostic::new(finding.code, finding.severity, title)
                .labelled(at(finding.span), finding.message.clone());
            match &finding.help {
                Some(help) => diagnostic.with_help(help.clone()),
                None => diagnostic,
            }
        });
        syntax.chain(meaning).chain(advice).collect()
    }
}

fn too_dear(cost: &Cost, most: u32, file: FileId) -> Diagnostic {
    let mut diagnostic =
        Diagnostic::error(kql::cost::CODE, format!("the query costs {}, more than {most}", cost.total));
    if let Some(worst) = cost.items.iter().max_by_key(|item| item.weight) {
        diagnostic = diagnostic.labelled(Span::new(file, worst.span.start, worst.span.end), worst.what);
    }
    diagnostic
}

/// `query.kql: cost 9 (5: a table is read without a condition on time at 1:1, …)`
fn cost_line(name: &str, cost: &Cost, text: &str) -> String {
    let mut map = SourceMap::default();
    let file = map.add(name, text);
    let items: Vec<String> = cost
        .items
        .iter()
        .map(|item| {
            let place = map.position(Span::new(file, item.span.start, item.span.end));
            format!("{} for line {}: {}", item.weight, place.line, item.what)
        })
        .collect();
    let why = if items.is_empty() { String::new() } else { format!(" ({})", items.join("; ")) };
    format!("{}: cost {}{why}", crate::render::safe::line(name), cost.total)
}
