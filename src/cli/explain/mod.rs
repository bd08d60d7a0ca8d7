//! `palisade explain CODE`: what a diagnostic means and what to do about it. `palisade explain RULE` is in `rule`.

mod rule;

use std::path::Path;

use crate::diagnostic::codes::Code;
use crate::diagnostic::{codes, did_you_mean};

use super::failure::{Exit, Failure};
use super::plan::Format;
use super::repository::EnvironmentArgs;
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// A code, for example ALW-06; or a rule's id: the query that is deployed, and where each of its lines came from
    #[arg(value_name = "CODE|RULE")]
    what: String,
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(args: &ExplainArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let wanted = args.what.to_ascii_uppercase();
    if let Some(code) = all().find(|code| code.code == wanted) {
        return Ok(explain_code(code, args.format, ui));
    }
    if looks_like_code(&wanted) && args.environments.environments.is_empty() && !args.environments.all_envs {
        let help = match did_you_mean(&wanted, all().map(|code| code.code)) {
            Some(near) => format!("did you mean {near}?"),
            None => "codes stand in brackets in front of each finding, as in `error[ALW-06]`".to_owned(),
        };
        return Err(Failure::error(format!("there is no code `{}`", args.what)).help(help));
    }
    rule::run(&args.what, &args.environments, args.format, start, settings, ui)
}

fn all() -> impl Iterator<Item = &'static Code> {
    codes::AUTHORING
        .iter()
        .chain(crate::compile::check::CODES)
        .chain(crate::compile::CODES)
        .chain(crate::compile::ANALYSIS_CODES)
        .chain(crate::allowlist::CODES)
}

fn explain_code(code: &Code, format: Format, ui: &Ui) -> Exit {
    match format {
        Format::Text => {
            ui.data(&format!("{}: {}\n\n{}", ui.out.strong(code.code), code.title, code.explanation));
        }
        Format::Json => {
            let json =
                serde_json::json!({"code": code.code, "title": code.title, "explanation": code.explanation});
            ui.data(&format!("{json:#}"));
        }
    }
    Exit::Done
}

/// `ABC-01` or `ABC-X01`: capital letters, and digits at the end.
fn looks_like_code(text: &str) -> bool {
    let Some((family, number)) = text.split_once('-') else { return false };
    let digits = number.trim_start_matches(|c: char| c.is_ascii_uppercase());
    !family.is_empty()
        && family.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.len() - digits.len() <= 1
        && (1..=3).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::looks_like_code;

    #[test]
    fn codes_and_rule_ids() {
        for (text, expected) in [
            ("ALW-06", true),
            ("KQL-C01", true),
            ("ALW-66", true),
            ("TASK", false),
            ("SCHEDULED-TASK-01", false),
            ("T1053-X", false),
        ] {
            assert_eq!(looks_like_code(text), expected, "{text}");
        }
    }
}
