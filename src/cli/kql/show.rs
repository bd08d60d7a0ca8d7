//! `palisade kql format`, `ast` and `columns`: one query in, its text, tree or result out.

use std::path::{Path, PathBuf};

use clap::Args;

use super::SchemaArgs;
use super::input::{self, Input};
use crate::cli::failure::{Exit, Failure};
use crate::cli::ui::Ui;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kql::bind::bind;
use crate::kql::parser::{Parse, parse};
use crate::kql::{dump, format};
use crate::source::{SourceMap, Span};

/// Arguments of `kql format`.
#[derive(Debug, Args)]
pub(super) struct FormatArgs {
    /// Files with one query each; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write the result back into the files instead of printing it
    #[arg(long)]
    write: bool,
    /// Print nothing; fail if a file is not laid out like this
    #[arg(long, conflicts_with = "write")]
    check: bool,
}

/// Arguments of `kql ast`.
#[derive(Debug, Args)]
pub(super) struct AstArgs {
    /// A file with one query; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Arguments of `kql columns`.
#[derive(Debug, Args)]
pub(super) struct ColumnsArgs {
    /// A file with one query; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    schema: SchemaArgs,
}

pub(super) fn format(args: &FormatArgs, ui: &Ui) -> Result<Exit, Failure> {
    let mut other = 0;
    for path in &args.files {
        let input = input::read(path)?;
        sound(&input, &parse(&input.text), ui)?;
        let formatted = format::format(&input.text);
        let same = formatted == input.text;
        match (args.check, args.write && path.as_os_str() != "-") {
            (true, _) if !same => {
                ui.tell(&format!("{} is laid out differently", crate::render::safe::line(&input.name)));
                other += 1;
            }
            (true, _) => {}
            (false, true) if !same => write(path, &formatted)?,
            (false, true) => {}
            (false, false) => ui.data(&formatted),
        }
    }
    Ok(if other > 0 { Exit::Error } else { Exit::Done })
}

pub(super) fn ast(args: &AstArgs, ui: &Ui) -> Result<Exit, Failure> {
    let input = input::read(&args.file)?;
    let parse = parse(&input.text);
    ui.data(&crate::render::safe::lines(&dump::dump(&parse.query, &input.text)));
    sound(&input, &parse, ui)?;
    Ok(Exit::Done)
}

/// `name<TAB>type` a line; a line `...` at the end when there may be more columns.
pub(super) fn columns(args: &ColumnsArgs, ui: &Ui) -> Result<Exit, Failure> {
    let input = input::read(&args.file)?;
    let schemas = args.schema.schemas()?;
    let parse = parse(&input.text);
    sound(&input, &parse, ui)?;
    let bound = bind(&parse, &input.text, schemas.of(args.schema.platform()));
    let mut lines: Vec<String> = bound
        .columns
        .iter()
        .map(|column| format!("{}\t{}", crate::render::safe::line(&column.name), column.ty))
        .collect();
    if bound.open {
        lines.push("...".to_owned());
    }
    ui.data(&lines.join("\n"));
    if bound.is_ok() {
        return Ok(Exit::Done);
    }
    Err(Failure::error("the query has errors, so its columns may be incomplete")
        .help("see `palisade kql check`"))
}

/// Shows the syntax errors of a query and stops, if there are any.
fn sound(input: &Input, parse: &Parse, ui: &Ui) -> Result<(), Failure> {
    if parse.errors.is_empty() {
        return Ok(());
    }
    let mut sources = SourceMap::default();
    let file = sources.add(input.name.as_str(), input.text.as_str());
    let errors: Diagnostics = parse
        .errors
        .iter()
        .map(|error| {
            Diagnostic::error(error.code.as_str(), "the query cannot be parsed")
                .labelled(Span::new(file, error.span.start, error.span.end), error.message.clone())
        })
        .collect();
    ui.tell(crate::render::diagnostics::text(&errors, &sources, ui.err.color, ui.width).trim_end());
    Err(Failure::diagnosed(Exit::Error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::error(format!("`{}` cannot be written", path.display())).caused_by(&error))
}
