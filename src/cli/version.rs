//! `palisade version`.

use super::failure::{Exit, Failure};
use super::ui::Ui;

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
pub(crate) struct VersionArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "every command has the same signature")]
pub(crate) fn run(args: &VersionArgs, ui: &Ui) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        let format = crate::plan::Plan::FORMAT_VERSION;
        ui.data(&serde_json::json!({"version": version, "plan_format_version": format}).to_string());
    } else {
        ui.data(&format!("palisade {version}"));
    }
    Ok(Exit::Done)
}
