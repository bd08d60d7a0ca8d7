//! `palisade explain CODE`: what a diagnostic means and what to do about it.

use super::failure::{Exit, Failure};
use super::reference;
use super::ui::Ui;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The code, for example ALW-06
    code: String,
}

pub(crate) fn run(args: &ExplainArgs, ui: &Ui) -> Result<Exit, Failure> {
    if let Some(entry) = reference::find(&args.code) {
        let title = ui.out.strong(entry.code);
        ui.data(&format!("{title}: {}\n\n{}", entry.title, reference::explanation(&entry)));
        return Ok(Exit::Done);
    }
    let help = match reference::near(&args.code) {
        Some(near) => format!("did you mean {near}?"),
        None => "codes stand in brackets in front of each finding, as in `error[ALW-06]`".to_owned(),
    };
    Err(Failure::error(format!("there is no code `{}`", args.code)).help(help))
}
