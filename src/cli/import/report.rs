//! What became of everything that was to be imported, for people and programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::import::{Fate, Remark};
use crate::render::safe;

use super::super::failure::{Exit, Failure};
use super::super::plan::Format;
use super::super::ui::Ui;
use super::extract::Account;

/// Lines of one kind before the rest is only counted.
const MOST: usize = 20;

/// An account of one run.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Files that were looked at.
    pub(super) files: usize,
    pub(super) written: Vec<Written>,
    pub(super) left: Vec<Left>,
    /// Files, and what they hold around their rules.
    pub(super) around: Vec<(String, String)>,
    /// Written files that cannot be deployed as they are, with a reason.
    pub(super) with_errors: BTreeMap<String, String>,
    /// What `--extract-allowlist` did.
    pub(super) tuning: Option<Account>,
}

/// A rule that became a file.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) source: String,
    pub(super) part: Option<String>,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) format: &'static str,
    pub(super) remarks: Vec<Remark>,
}

/// Something that did not.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) source: String,
    pub(super) part: Option<String>,
    pub(super) reason: String,
    pub(super) help: Option<String>,
    pub(super) is_error: bool,
}

impl Report {
    /// Prints the account; fails when something that is a rule was not imported.
    pub(super) fn show(&self, format: Format, dry_run: bool, ui: &Ui) -> Result<Exit, Failure> {
        match format {
            Format::Json => ui.json_line(&self.json()),
            Format::Text => self.text(dry_run, ui),
        }
        let errors = self.left.iter().filter(|left| left.is_error).count();
        if errors > 0 {
            let noun = if errors == 1 { "one thing was".to_owned() } else { format!("{errors} things were") };
            return Err(Failure::error(format!("{noun} not imported"))
                .help("the reasons stand above; everything else was"));
        }
        Ok(Exit::Done)
    }

    fn json(&self) -> Value {
        let remark =
            |remark: &Remark| json!({"fate": remark.fate.as_str(), "what": remark.what, "why": remark.why});
        let written = |written: &Written| {
            json!({
                "source": written.source, "part": written.part, "path": written.path, "id": written.id, "format": written.format,
                "error": self.with_errors.get(&written.path),
                "remarks": written.remarks.iter().map(remark).collect::<Vec<_>>(),
            })
        };
        let left = |left: &Left| json!({"source": left.source, "part": left.part, "reason": left.reason, "help": left.help, "error": left.is_error});
        let around = |(source, names): &(String, String)| json!({"source": source, "what": names});
        let mut document = json!({
            "files": self.files,
            "rules": self.written.iter().map(written).collect::<Vec<_>>(),
            "left": self.left.iter().map(left).collect::<Vec<_>>(),
            "around": self.around.iter().map(around).collect::<Vec<_>>(),
        });
        if let (Some(tuning), Some(members)) = (&self.tuning, document.as_object_mut()) {
            members.insert("allowlists".to_owned(), tuning.json());
        }
        document
    }

    fn text(&self, dry_run: bool, ui: &Ui) {
        for written in &self.written {
            ui.data(&safe::line(&written.path));
        }
        self.remarks(ui);
        if !self.around.is_empty() {
            ui.say("Around the rules, and not in the files:");
            self.limited(ui, self.around.iter().map(|(source, names)| format!("{source}: {names}")));
        }
        let (broken, others): (Vec<&Left>, Vec<&Left>) = self.left.iter().partition(|left| left.is_error);
        if !others.is_empty() {
            ui.say(&format!("Left alone: {}", others.len()));
            self.limited(ui, others.iter().map(|left| left.line()));
        }
        if !broken.is_empty() {
            ui.tell(&ui.err.removed(&format!("Not imported: {}", broken.len())));
            // These are what somebody has to look at: all of them.
            for left in broken {
                ui.tell(&format!("  {}", safe::line(&left.line())));
                if let Some(help) = &left.help {
                    ui.tell(&format!("      {}", safe::line(help)));
                }
            }
        }
        if !self.with_errors.is_empty() {
            ui.tell(&format!(
                "{} of {} cannot be deployed as they are; `palisade validate` says all that is wrong:",
                self.with_errors.len(),
                self.written.len()
            ));
            self.limited(ui, self.with_errors.iter().map(|(path, reason)| format!("{path}: {reason}")));
        }
        if let Some(tuning) = &self.tuning {
            tuning.show(dry_run, ui);
        }
        ui.say(&self.summary(dry_run));
    }

    /// What happened to many rules is said once.
    fn remarks(&self, ui: &Ui) {
        let mut groups: BTreeMap<(Fate, &str, &str), (usize, &str)> = BTreeMap::new();
        for written in &self.written {
            for remark in &written.remarks {
                let key = (remark.fate, remark.what.as_str(), remark.why.as_str());
                groups.entry(key).or_insert((0, written.path.as_str())).0 += 1;
            }
        }
        for (fate, title) in [
            (Fate::Dropped, "Not in the files:"),
            (Fate::Changed, "Said in another way:"),
            (Fate::Kept, "Kept in the files, without effect:"),
        ] {
            let mut of_fate: Vec<_> = groups.iter().filter(|((known, ..), _)| *known == fate).collect();
            if of_fate.is_empty() {
                continue;
            }
            of_fate.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
            ui.say(title);
            let line = |((_, what, why), (count, path)): (&(Fate, &str, &str), &(usize, &str))| {
                let rules = if *count == 1 { (*path).to_owned() } else { format!("{count} rules") };
                format!("{what}: {why}; {rules}")
            };
            self.limited(ui, of_fate.into_iter().map(line));
        }
    }

    fn limited(&self, ui: &Ui, lines: impl Iterator<Item = String>) {
        let mut more = 0;
        for (number, line) in lines.enumerate() {
            if number < MOST {
                ui.say(&format!("  {}", safe::line(&line)));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            ui.say(&format!("  and {more} more (--format json has all)"));
        }
    }

    fn summary(&self, dry_run: bool) -> String {
        let mut formats: BTreeMap<&str, usize> = BTreeMap::new();
        for written in &self.written {
            *formats.entry(written.format).or_default() += 1;
        }
        let of: Vec<String> = formats.iter().map(|(format, count)| format!("{count} {format}")).collect();
        let counted =
            |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let verb = if dry_run { "Would import" } else { "Imported" };
        let of = if of.is_empty() { String::new() } else { format!(" ({})", of.join(", ")) };
        let rules = counted(self.written.len(), "rule");
        format!("{verb} {rules} from {}{of}.", counted(self.files, "file"))
    }
}

impl Left {
    fn line(&self) -> String {
        match &self.part {
            Some(part) => format!("{}, {part}: {}", self.source, self.reason),
            None => format!("{}: {}", self.source, self.reason),
        }
    }
}
