//! `palisade import files`: foreign rule files in, rule files out, and an account of everything else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::compile::compile;
use crate::diagnostic::Severity;
use crate::import::formats::{self, Foreign};
use crate::import::slug::Ids;
use crate::import::write;
use crate::load::{find_root, load};
use crate::model::rule::Status;

use super::super::failure::{Exit, Failure};
use super::super::files;
use super::super::plan::Format;
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::extract::{self, ExtractArgs, Moved};
use super::output;
use super::report::{Left, Report, Written};
use super::tuning::Tuning;

/// Files of these kinds are looked at below a folder.
const EXTENSIONS: &[&str] = &["yaml", "yml", "json", "md"];
/// Largest file, in bytes: an export of a whole workspace in one JSON document.
const MAX_BYTES: u64 = 256 << 20;

/// Arguments of `import files`.
#[derive(Debug, clap::Args)]
pub(crate) struct FilesArgs {
    /// Files, or folders whose .yaml, .yml, .json and .md files are looked at
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Write the rule files into this folder below rules/
    #[arg(long, value_name = "FOLDER")]
    into: Option<String>,
    /// Replace rule files that are there already
    #[arg(long)]
    force: bool,
    /// Write nothing, only say what would become of everything
    #[arg(long)]
    dry_run: bool,
    /// Pin every rule to the platform's id that its file has: for exports of your own tenant, whose rules are then taken over
    /// instead of made a second time
    #[arg(long)]
    pin_ids: bool,
    /// Lifecycle of the imported rules
    #[arg(long, value_enum, value_name = "STATUS")]
    status: Option<StatusChoice>,
    #[command(flatten)]
    extract: ExtractArgs,
    /// The environments whose allowlists take the moved exclusions, and which alone take the rules that had them (repeatable);
    /// `_shared` for lists that environments name [default: every environment]
    #[arg(
        short = 'e',
        long = "env",
        value_name = "NAME",
        requires = "extract_allowlist",
        value_delimiter = ','
    )]
    environments: Vec<String>,
    /// How to print the account
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// `--status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StatusChoice {
    /// Being written
    Experimental,
    /// Being tuned
    Test,
    /// In service
    Production,
    /// On its way out
    Deprecated,
}

impl StatusChoice {
    const fn status(self) -> Status {
        match self {
            Self::Experimental => Status::Experimental,
            Self::Test => Status::Test,
            Self::Production => Status::Production,
            Self::Deprecated => Status::Deprecated,
        }
    }
}

pub(crate) fn run(args: &FilesArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let root = find_root(start).unwrap_or_else(|| start.to_path_buf());
    let folder = folder(args)?;
    let tuning = Tuning::new(&root, &args.extract, &args.environments, settings)?;
    let mut importer = Importer {
        args,
        folder,
        present: present(&root),
        root,
        ids: Ids::default(),
        tuning,
        report: Report::default(),
    };
    for path in &args.paths {
        let named = path.is_file();
        for file in files::below(path, EXTENSIONS)? {
            importer.file(&file, named)?;
        }
    }
    let Importer { root, mut report, tuning, .. } = importer;
    report.tuning = tuning.map(|tuning| tuning.finish(&root, args.dry_run));
    if !args.dry_run && !report.written.is_empty() {
        report.with_errors = with_errors(&root, settings.today()?);
        let written: Vec<&str> = report.written.iter().map(|written| written.path.as_str()).collect();
        report.with_errors.retain(|path, _| written.contains(&path.as_str()));
    }
    report.show(args.format, args.dry_run, ui)
}

/// The folder to write into, relative to the root.
fn folder(args: &FilesArgs) -> Result<String, Failure> {
    let Some(into) = args.into.as_deref() else { return Ok("rules".to_owned()) };
    let parts: Vec<&str> = into.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| part.starts_with('.') || part.contains(':')) {
        return Err(Failure::error(format!("`{into}` does not lie below rules/"))
            .help("name a folder, such as `community/windows`"));
    }
    let inside = parts.strip_prefix(&["rules"]).unwrap_or(&parts);
    Ok(std::iter::once("rules").chain(inside.iter().copied()).collect::<Vec<_>>().join("/"))
}

/// Rule ids that are there already, with their files.
fn present(root: &Path) -> BTreeMap<String, String> {
    let rules = root.join("rules");
    let found =
        if rules.is_dir() { files::below(&rules, &["yaml", "yml"]).unwrap_or_default() } else { Vec::new() };
    found
        .iter()
        .filter_map(|path| {
            let id = path.file_stem()?.to_str()?.to_owned();
            Some((id, path.strip_prefix(root).ok()?.to_str()?.replace('\\', "/")))
        })
        .collect()
}

struct Importer<'a> {
    args: &'a FilesArgs,
    root: PathBuf,
    folder: String,
    present: BTreeMap<String, String>,
    ids: Ids,
    tuning: Option<Tuning>,
    report: Report,
}

impl Importer<'_> {
    /// `named`: somebody asked for this very file.
    fn file(&mut self, path: &Path, named: bool) -> Result<(), Failure> {
        let source = path.display().to_string();
        self.report.files += 1;
        let reading = match files::text(path, MAX_BYTES) {
            Ok(text) => formats::read(&text),
            Err(reason) => {
                self.report.left.push(Left { source, part: None, reason, help: None, is_error: true });
                return Ok(());
            }
        };
        for names in reading.around {
            self.report.around.push((source.clone(), names));
        }
        let held_rules = !reading.rules.is_empty();
        for rule in reading.rules {
            self.rule(&source, rule)?;
        }
        for left in reading.left {
            let is_error = left.is_error || (named && !held_rules);
            let (part, reason, help) = (left.part, left.reason, left.help);
            self.report.left.push(Left { source: source.clone(), part, reason, help, is_error });
        }
        Ok(())
    }

    fn rule(&mut self, source: &str, rule: Foreign) -> Result<(), Failure> {
        let Foreign { format, part, id_from, platform_id, mut draft } = rule;
        draft.id = self.ids.claim(id_from.as_deref().unwrap_or(&draft.name));
        if let Some(status) = self.args.status {
            draft.status = status.status();
        }
        if let Some(id) = platform_id.filter(|_| self.args.pin_ids) {
            let section = draft.sentinel.as_mut().or(draft.defender.as_mut());
            if let Some(section) = section {
                section.rule_id = Some(id);
            }
        }
        let known = self.present.get(&draft.id).cloned();
        let path = known.unwrap_or_else(|| format!("{}/{}.yaml", self.folder, draft.id));
        let moved = self.tuning.as_ref().map(|tuning| tuning.split(&mut draft, &path));
        let text = write::yaml(&draft.document());
        if let Some(there) = self.save(&path, &text, moved.as_ref(), &draft.id)? {
            self.report.left.push(Left {
                source: source.to_owned(),
                part,
                reason: format!("{there} is there already, and says something else"),
                help: Some("rename or remove that file, or replace it with --force".to_owned()),
                is_error: true,
            });
            return Ok(());
        }
        if let (Some(tuning), Some(moved)) = (&mut self.tuning, moved) {
            tuning.account(moved);
        }
        self.report.written.push(Written {
            source: source.to_owned(),
            part,
            path,
            id: draft.id,
            format: format.as_str(),
            remarks: draft.remarks,
        });
        Ok(())
    }
}

impl Importer<'_> {
    /// Writes a rule and its lists; gives the file that is in the way, and then writes nothing.
    fn save(
        &self,
        path: &str,
        text: &str,
        moved: Option<&Moved>,
        rule: &str,
    ) -> Result<Option<String>, Failure> {
        let force = self.args.force;
        let full = self.root.join(path);
        if !force && files::text(&full, MAX_BYTES).is_ok_and(|before| before != text) {
            return Ok(Some(path.to_owned()));
        }
        if let (Some(tuning), Some(moved)) = (&self.tuning, moved) {
            let there = extract::in_the_way(&self.root, &moved.lists, rule, tuning.terms());
            if let Some(there) = there.filter(|_| !force) {
                return Ok(Some(there));
            }
            if !self.args.dry_run {
                extract::write(&self.root, &moved.lists, rule, tuning.terms(), force)?;
            }
        }
        let written = self.args.dry_run || output::write(&full, text, force)? != output::Written::InTheWay;
        Ok((!written).then(|| path.to_owned()))
    }
}

/// Rule files that no environment can deploy as they are, with one of the reasons.
fn with_errors(root: &Path, today: Date) -> BTreeMap<String, String> {
    let (repository, diagnostics) = load(root);
    let mut all: Vec<_> = diagnostics.into_iter().collect();
    for environment in &repository.environments {
        all.extend(compile(&repository, environment, today).1);
    }
    let mut found = BTreeMap::new();
    for finding in all.iter().filter(|finding| finding.severity == Severity::Error) {
        let Some(span) = finding.span else { continue };
        let path = repository.sources.path(span.file).to_owned();
        found.entry(path).or_insert_with(|| format!("{}: {}", finding.code, finding.summary));
    }
    found
}
