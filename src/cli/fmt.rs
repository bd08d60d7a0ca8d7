//! `palisade fmt`: rule, allowlist, environment and project files in one layout.

use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::diff::{LineTag, hunks};
use crate::load::{Limits, PROJECT_FILE, find_root};
use crate::render::paint::Paint;
use crate::render::safe;
use crate::source::{FileId, SourceMap};
use crate::yaml::format::format;
use crate::yaml::{Node, NodeKind, read};

use super::failure::{Exit, Failure};
use super::ui::Ui;
use super::{files, repository};

/// Unchanged lines around a change.
const CONTEXT: usize = 1;

/// Arguments of `fmt`.
#[derive(Debug, clap::Args)]
pub(crate) struct FmtArgs {
    /// Files, or folders whose .yaml and .yml files are meant; `-` reads standard input and prints the result. Without any, every
    /// file of the repository
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing; show what would change and fail if anything would
    #[arg(long)]
    check: bool,
}

/// What became of the files.
#[derive(Default)]
struct Outcome {
    sources: SourceMap,
    problems: Diagnostics,
    /// Files that could not be read, with the reason.
    unreadable: Vec<String>,
    changed: usize,
    same: usize,
}

pub(crate) fn run(args: &FmtArgs, start: &Path, ui: &Ui) -> Result<Exit, Failure> {
    let mut outcome = Outcome::default();
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        if args.paths.len() > 1 {
            return Err(Failure::error("`-` stands alone: standard input is one file"));
        }
        standard_input(args, &mut outcome, ui)?;
    } else {
        for path in chosen(args, start)? {
            one(&path, start, args, &mut outcome, ui)?;
        }
    }
    finish(args, outcome, ui)
}

/// The files to look at, each once.
fn chosen(args: &FmtArgs, start: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    if args.paths.is_empty() {
        let Some(root) = find_root(start) else {
            return Err(Failure::error(format!("no {PROJECT_FILE} in `{}` or above it", start.display()))
                .help("name files or folders, or change to your detection repository"));
        };
        found.push(root.join(PROJECT_FILE));
        for folder in ["rules", "environments"].map(|name| root.join(name)) {
            if folder.is_dir() {
                found.extend(files::below(&folder, &["yaml", "yml"])?);
            }
        }
    }
    for path in &args.paths {
        found.extend(files::below(path, &["yaml", "yml"])?);
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}

fn one(path: &Path, start: &Path, args: &FmtArgs, outcome: &mut Outcome, ui: &Ui) -> Result<(), Failure> {
    let shown = path.strip_prefix(start).unwrap_or(path).display().to_string();
    let text = match files::text(path, Limits::default().file_bytes) {
        Ok(text) => text,
        Err(reason) => {
            outcome.unreadable.push(format!("{shown}: {reason}"));
            return Ok(());
        }
    };
    let Some((after, is_sensitive)) = laid_out(&shown, &text, outcome) else { return Ok(()) };
    // A byte order mark was left out on reading, and has to go as well.
    let marked = std::fs::metadata(path).is_ok_and(|file| file.len() != text.len() as u64);
    if after == text && !marked {
        outcome.same += 1;
        return Ok(());
    }
    outcome.changed += 1;
    ui.data(&safe::line(&shown));
    if !args.check {
        return files::replace(path, &after);
    }
    if is_sensitive {
        ui.data("    (its lines are not shown: the list is sensitive)");
    } else {
        ui.data(&difference(&text, &after, ui.out));
    }
    Ok(())
}

fn standard_input(args: &FmtArgs, outcome: &mut Outcome, ui: &Ui) -> Result<(), Failure> {
    let text = files::read(std::io::stdin().lock(), Limits::default().file_bytes)
        .map_err(|reason| Failure::error(format!("standard input: {reason}")))?;
    let Some((after, is_sensitive)) = laid_out("<stdin>", &text, outcome) else { return Ok(()) };
    match (args.check, after == text) {
        (false, _) => ui.data(&after),
        (true, true) => outcome.same += 1,
        (true, false) => {
            outcome.changed += 1;
            if !is_sensitive {
                ui.data(&difference(&text, &after, ui.out));
            }
        }
    }
    Ok(())
}

/// The new text, and whether its lines must not be shown; problems are collected.
fn laid_out(shown: &str, text: &str, outcome: &mut Outcome) -> Option<(String, bool)> {
    let file = outcome.sources.add(shown, text);
    let is_sensitive = is_sensitive(text, file);
    if is_sensitive {
        outcome.sources.mark_sensitive(file);
    }
    match format(text, file) {
        Ok(after) => Some((after, is_sensitive)),
        Err(problems) => {
            outcome.problems.extend(problems);
            None
        }
    }
}

/// Whether the file is an allowlist whose values must not be shown. A file that cannot be read may be one.
fn is_sensitive(text: &str, file: FileId) -> bool {
    match read::read(text, file) {
        Ok(node) => node.get("sensitive").is_some_and(|value: &Node| value.kind != NodeKind::Bool(false)),
        Err(_) => text.lines().any(|line| line.trim_start().starts_with("sensitive")),
    }
}

/// Lines that differ, with their numbers.
pub(super) fn difference(before: &str, after: &str, paint: Paint) -> String {
    let mut out = String::new();
    for hunk in hunks(before, after, CONTEXT) {
        for line in &hunk.lines {
            let text: String = line.pieces.iter().map(|(_, text)| text.as_str()).collect();
            let text = safe::line(&text);
            let number = line.new.or(line.old).unwrap_or_default();
            let (sign, text) = match line.tag {
                LineTag::Equal => (' ', paint.faint(&text)),
                LineTag::Removed => ('-', paint.removed(&text)),
                LineTag::Added => ('+', paint.added(&text)),
            };
            out.push_str(format!("{number:6} {sign} {text}").trim_end());
            out.push('\n');
        }
    }
    out
}

fn finish(args: &FmtArgs, mut outcome: Outcome, ui: &Ui) -> Result<Exit, Failure> {
    let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    outcome.problems.settle(&outcome.sources);
    if outcome.problems.has_errors() {
        let text =
            crate::render::diagnostics::text(&outcome.problems, &outcome.sources, ui.err.color, ui.width);
        ui.tell(text.trim_end());
        ui.tell(repository::count_line(&outcome.problems).trim_end_matches("; nothing was sent."));
    }
    for problem in &outcome.unreadable {
        ui.tell(&format!("{} {}", ui.err.removed("error:"), safe::line(problem)));
    }
    if args.check && outcome.changed > 0 {
        let all = outcome.changed + outcome.same;
        let verb = if outcome.changed == 1 { "is" } else { "are" };
        return Err(Failure::error(format!(
            "{} of {all} {verb} not laid out as `palisade fmt` would",
            files(outcome.changed)
        ))
        .help("run `palisade fmt`"));
    }
    if outcome.problems.has_errors() || !outcome.unreadable.is_empty() {
        return Err(Failure::diagnosed(Exit::Error));
    }
    if !args.paths.iter().any(|path| path.as_os_str() == "-") {
        ui.say(&match outcome.changed {
            0 => format!("{} laid out already.", files(outcome.same)),
            changed => format!("{} laid out, {} already.", files(changed), outcome.same),
        });
    }
    Ok(Exit::Done)
}
