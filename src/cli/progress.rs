//! Progress of an apply on stderr: a bar on a terminal, one line per event elsewhere.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

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
    /// For so many changes, which cannot take less than `least`: quotas let the first ones pass at once, and those say
    /// nothing about the others.
    pub(crate) fn new(ui: &'a Ui, changes: usize, least: Duration) -> Self {
        let bar = ProgressBar::new(changes as u64);
        bar.set_draw_target(if ui.animated {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        if let Ok(style) =
            ProgressStyle::with_template("  {bar:30} {pos}/{len}  {elapsed}  eta {left}  {wide_msg}")
        {
            bar.set_style(style.with_key("left", move |state: &ProgressState, to: &mut dyn Write| {
                let left = least.saturating_sub(state.elapsed()).max(state.eta());
                let _ = write!(to, "{:#}", HumanDuration(Duration::from_secs(left.as_secs())));
            }));
        }
        if ui.animated {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { ui, bar }
    }

    pub(crate) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started(change) => self.bar.set_message(safe::line(&change.address)),
            Event::Waiting(change, why, milliseconds) => {
                let seconds = milliseconds.div_ceil(1000);
                self.note(&format!(
                    "  {} {}: {why}; waiting {seconds} s",
                    self.ui.err.changed("…"),
                    safe::line(&change.address)
                ));
            }
            Event::ReadingBack(_) => self.bar.set_message("reading back"),
            Event::Finished(change, result) => {
                self.bar.inc(1);
                if !matches!(result, ChangeResult::NotAttempted) {
                    self.note(&self.line(change, result));
                }
            }
        }
    }

    /// The bar, for those who have to print around it.
    pub(crate) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    fn note(&self, line: &str) {
        if self.ui.animated {
            self.bar.println(line);
        } else {
            self.ui.say(line);
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, change: &Change, result: &ChangeResult) -> String {
        let done = match change.actions.first() {
            _ if change.is_replacement() => "replaced",
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
            ChangeResult::Lingers => {
                format!(
                    "  {} {address}: {done}; the service shows the old rule for some time yet",
                    paint.added("✓")
                )
            }
            ChangeResult::Unseen => {
                format!(
                    "  {} {address}: written and accepted, but reads do not show it yet; plan again later",
                    paint.removed("✗")
                )
            }
            ChangeResult::Unknown(error) => {
                format!(
                    "  {} {address}: nobody knows whether it was written: {}",
                    paint.removed("✗"),
                    safe::line(&error.message)
                )
            }
            ChangeResult::Interrupted => {
                format!("  {} {address}: stopped while it was written", paint.removed("✗"))
            }
            ChangeResult::Deviates(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
                format!(
                    "  {} {address}: {done}, but the service keeps other values in {}",
                    paint.removed("✗"),
                    safe::line(&names.join(", "))
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
