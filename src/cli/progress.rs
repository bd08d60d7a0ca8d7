//! Progress of an apply on stderr: a bar on a terminal, one line per event elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::apply::{ChangeResult, Event};
use crate::plan::{Action, Change};
use crate::render::safe;

use super::ui::Ui;

/// Shows what [`crate::apply::apply`] reports.
pub(crate) struct Progress<'a> {
    ui: &'a Ui,
    bar: ProgressBar,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(ui: &'a Ui, changes: usize) -> Self {
        let bar = ProgressBar::new(changes as u64);
        bar.set_draw_target(if ui.animated {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        if let Ok(style) = ProgressStyle::with_template("  {bar:30} {pos}/{len}  {elapsed}  {wide_msg}") {
            bar.set_style(style);
        }
        if ui.animated {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { ui, bar }
    }

    pub(crate) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started(change) => self.bar.set_message(safe::line(&change.address)),
            Event::Finished(change, result) => {
                self.bar.inc(1);
                let line = self.line(change, result);
                if self.ui.animated {
                    self.bar.println(line);
                } else if !matches!(result, ChangeResult::NotAttempted) {
                    self.ui.say(&line);
                }
            }
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, change: &Change, result: &ChangeResult) -> String {
        let done = match change.actions.first() {
            Some(Action::Create) => "created",
            Some(Action::Delete) => "deleted",
            Some(Action::Adopt) => "adopted",
            _ => "updated",
        };
        let address = safe::line(&change.address);
        let paint = self.ui.err;
        match result {
            ChangeResult::Applied => format!("  {} {address}: {done}", paint.added("✓")),
            ChangeResult::AlreadyDone => format!("  {} {address}: already as planned", paint.added("✓")),
            ChangeResult::Deviates(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
                format!(
                    "  {} {address}: {done}, but the service keeps other values in {}",
                    paint.removed("✗"),
                    names.join(", ")
                )
            }
            ChangeResult::Stale => {
                format!("  {} {address}: changed since the plan was made; not written", paint.removed("✗"))
            }
            ChangeResult::Failed(error) => {
                format!("  {} {address}: {}", paint.removed("✗"), safe::line(&error.message))
            }
            ChangeResult::NotAttempted => format!("  {} {address}: not attempted", paint.faint("·")),
        }
    }
}
