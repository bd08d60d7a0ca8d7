//! `palisade explain CODE`: what a diagnostic means and what to do about it.

use crate::diagnostic::{codes, did_you_mean};

use super::failure::{Exit, Failure};
use super::ui::Ui;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The code, for example ALW-06
    code: String,
}

pub(crate) fn run(args: &ExplainArgs, ui: &Ui) -> Result<Exit, Failure> {
    let wanted = args.code.to_ascii_uppercase();
    let all = || {
        codes::AUTHORING
            .iter()
            .chain(crate::compile::check::CODES)
            .chain(crate::compile::CODES)
            .chain(crate::compile::ANALYSIS_CODES)
    };
    if let Some(code) = all().find(|code| code.code == wanted) {
        ui.data(&format!("{}: {}\n\n{}", ui.out.strong(code.code), code.title, code.explanation));
        return Ok(Exit::Done);
    }
    let help = match did_you_mean(&wanted, all().map(|code| code.code)) {
        Some(near) => format!("did you mean {near}?"),
        None => "codes stand in brackets in front of each finding, as in `error[ALW-06]`".to_owned(),
    };
    Err(Failure::error(format!("there is no code `{}`", args.code)).help(help))
}
