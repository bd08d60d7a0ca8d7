//! Where words go: stdout carries data that may be piped, stderr everything else. A closed pipe is not an error.

use std::io::{BufRead as _, Write as _};
use std::sync::{Mutex, PoisonError};

use crate::render::paint::Paint;
use crate::render::safe;

use super::failure::{Exit, Failure};
use super::settings::Settings;
use super::{ColorChoice, Global};

/// The two streams and how they may be used.
#[derive(Debug)]
pub(crate) struct Ui {
    /// For stdout.
    pub(crate) out: Paint,
    /// For stderr.
    pub(crate) err: Paint,
    /// Somebody can be asked.
    pub(crate) interactive: bool,
    /// Progress may be drawn on stderr.
    pub(crate) animated: bool,
    /// Columns of the terminal, within reason.
    pub(crate) width: usize,
    quiet: bool,
    /// What was said, where that is kept for later.
    record: Option<Mutex<Vec<Said>>>,
}

/// Words, and where they belong.
#[derive(Debug)]
enum Said {
    Data(String),
    Talk(String),
}

impl Ui {
    pub(crate) fn new(global: &Global, settings: &Settings) -> Self {
        let color = |is_terminal| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => settings.wants_color(is_terminal),
        };
        Self {
            out: Paint { color: color(settings.stdout_is_terminal) },
            err: Paint { color: color(settings.stderr_is_terminal) },
            interactive: settings.interactive
                && !global.no_input
                && settings.variables.get("PALISADE_INPUT") != Some("0"),
            animated: settings.interactive && !global.quiet,
            width: settings.columns.unwrap_or(100).clamp(60, 160),
            quiet: global.quiet,
            record: None,
        }
    }

    /// The same, but everything said is kept: for one of several that are under way at once. Nobody is asked, and nothing
    /// is drawn.
    pub(crate) fn recording(&self) -> Self {
        Self {
            out: self.out,
            err: self.err,
            interactive: false,
            animated: false,
            width: self.width,
            quiet: self.quiet,
            record: Some(Mutex::default()),
        }
    }

    /// Says what was kept.
    pub(crate) fn repeat(&self, recording: Self) {
        let said = recording.record.map(|said| said.into_inner().unwrap_or_else(PoisonError::into_inner));
        for said in said.into_iter().flatten() {
            match said {
                Said::Data(text) => self.data(&text),
                Said::Talk(text) => self.tell(&text),
            }
        }
    }

    /// Keeps words for later, if that is what this one does.
    fn keep(&self, said: impl FnOnce() -> Said) -> bool {
        if let Some(record) = &self.record {
            record.lock().unwrap_or_else(PoisonError::into_inner).push(said());
        }
        self.record.is_some()
    }

    /// Data.
    pub(crate) fn data(&self, text: &str) {
        if !self.keep(|| Said::Data(text.to_owned())) {
            Self::print(text);
        }
    }

    fn print(text: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes());
        if !text.is_empty() && !text.ends_with('\n') {
            let _ = stdout.write_all(b"\n");
        }
        let _ = stdout.flush();
    }

    /// Data as JSON, indented.
    pub(crate) fn json(&self, value: &serde_json::Value) {
        self.data(&crate::render::json::pretty(value));
    }

    /// Data as JSON, on one line. A stream is read as things happen, so nothing of it is kept for later: each line says
    /// which environment it is about.
    pub(crate) fn json_line(&self, value: &serde_json::Value) {
        Self::print(&format!("{}\n", crate::render::json::line(value)));
    }

    /// Talk that `--quiet` leaves out.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.tell(text);
        }
    }

    /// Talk that is always necessary.
    pub(crate) fn tell(&self, text: &str) {
        if self.keep(|| Said::Talk(text.to_owned())) {
            return;
        }
        let mut stderr = std::io::stderr().lock();
        let _ = writeln!(stderr, "{text}");
    }

    /// The last words of a command that failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        // Nothing went wrong: there was nothing to do.
        if failure.exit == Exit::Done {
            return self.say(&safe::lines(&failure.message));
        }
        let mut text = format!("{} {}", self.err.removed("error:"), safe::lines(&failure.message));
        for (number, cause) in failure.causes.iter().enumerate() {
            let earlier = failure.causes.iter().take(number);
            // Errors that wrap others often repeat their words.
            if failure.message.contains(cause.as_str()) || earlier.into_iter().any(|one| one.contains(cause))
            {
                continue;
            }
            text.push_str(&format!("\n  caused by: {}", safe::line(cause)));
        }
        if let Some(help) = &failure.help {
            text.push_str(&format!("\n  {} {}", self.err.strong("help:"), safe::lines(help)));
        }
        self.tell(&text);
    }

    /// Asks for a word; only that very word is a yes.
    pub(crate) fn confirm(&self, question: &str, word: &str) -> bool {
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{question}\n  Only '{word}' will be accepted: ");
        let _ = stderr.flush();
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == word
    }
}
