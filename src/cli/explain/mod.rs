//! `palisade explain CODE`: what a diagnostic means and what to do about it. `palisade explain RULE` is in `rule`.

mod rule;

use std::path::Path;

use super::failure::{Exit, Failure};
use super::plan::Format;
use super::reference;
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
    if let Some(entry) = reference::find(&args.what) {
        return Ok(explain_code(&entry, args.format, ui));
    }
    let wanted = args.what.to_ascii_uppercase();
    if looks_like_code(&wanted) && !args.environments.is_given() {
        let help = match reference::near(&wanted) {
            Some(near) => format!("did you mean {near}?"),
            None => "codes stand in brackets in front of each finding, as in `error[ALW-06]`".to_owned(),
        };
        return Err(Failure::error(format!("there is no code `{}`", args.what)).help(help));
    }
    rule::run(&args.what, &args.environments, args.format, start, settings, ui)
}

fn explain_code(entry: &reference::Entry, format: Format, ui: &Ui) -> Exit {
    let explanation = reference::explanation(entry);
    match format {
        Format::Text => ui.data(&format!("{}: {}\n\n{explanation}", ui.out.strong(entry.code), entry.title)),
        Format::Json => {
            let json =
                serde_json::json!({"code": entry.code, "title": entry.title, "explanation": explanation});
            ui.json(&json);
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
