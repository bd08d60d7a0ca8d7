//! `palisade drift`: for a nightly job. What is there against what was last applied; changes of the files that are not
//! deployed yet are not its business.

use std::path::Path;

use serde_json::{Value, json};

use crate::compile::compile;
use crate::model::environment::Environment;
use crate::plan::{DriftInput, DriftKind, Drifted, drift};
use crate::render::safe;

use super::block_on;
use super::connection::connect;
use super::failure::{Exit, Failure};
use super::plan::Format;
use super::planning::CredentialArg;
use super::repository::{EnvironmentArgs, Opened, open};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `drift`.
#[derive(Debug, clap::Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// Exit with 2 when something drifted
    #[arg(long)]
    detailed_exitcode: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::planning::credential_help())]
    credential: CredentialArg,
}

pub(crate) fn run(args: &DriftArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let mut worst = Exit::Done;
    let mut all = Vec::new();
    for environment in opened.choose(&args.environments)? {
        let looked = block_on(look(&opened, environment, args, settings, ui));
        match looked {
            Ok((found, absent)) => {
                if !found.is_empty() && args.detailed_exitcode {
                    worst = worst.max(Exit::Changes);
                }
                if args.format == Format::Text {
                    ui.data(&text(environment, &found, &absent, ui));
                }
                all.push(json!({"environment": environment.name, "drift": found, "absent": absent}));
            }
            Err(failure) => {
                ui.failure(&failure);
                worst = worst.max(failure.exit);
            }
        }
    }
    if args.format == Format::Json {
        ui.data(&format!(
            "{:#}",
            match all.as_mut_slice() {
                [only] => only.take(),
                several => json!({"environments": several}),
            }
        ));
    }
    Ok(worst)
}

async fn look(
    opened: &Opened,
    environment: &Environment,
    args: &DriftArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<(Vec<Drifted>, Vec<String>), Failure> {
    // Only names of fields depend on the files, so mistakes in them are no reason not to look.
    let (desired, diagnostics) = compile(&opened.repository, environment, settings.today()?);
    if diagnostics.has_errors() || opened.diagnostics.has_errors() {
        ui.say("The files have errors (see `palisade validate`); fields that drifted may not be named.");
    }
    let connection =
        connect(environment, opened.has_watchlists(environment), &opened.root, args.credential.0, settings)
            .await?;
    let states = connection.list().await;
    connection.close().await?;
    let states = states?;
    let deployed = super::audit::deployed(&opened.root, &environment.owner.value);
    Ok(drift(&DriftInput {
        owner: &environment.owner.value,
        desired: &desired.resources,
        actual: &states,
        deployed: &deployed,
    }))
}

fn text(environment: &Environment, found: &[Drifted], absent: &[String], ui: &Ui) -> String {
    let paint = ui.out;
    let mut out = paint.strong(&safe::line(&environment.name));
    out.push('\n');
    out.push_str(&match found.len() {
        0 => "No drift. Every deployed rule is as it was last applied.\n".to_owned(),
        1 => "1 rule is not as it was last applied.\n".to_owned(),
        count => format!("{count} rules are not as they were last applied.\n"),
    });
    for one in found {
        let what = match one.what {
            DriftKind::Changed => "changed",
            DriftKind::MarkerRemoved => "its ownership marker was removed",
            DriftKind::AutoDisabled => "switched off by the service",
            DriftKind::Deleted => "deleted",
        };
        let mut line =
            format!("\n{} {}  {what}", paint.changed("~"), paint.strong(&safe::line(&one.address)));
        for (word, value) in [("by", &one.modified_by), ("at", &one.modified_at)] {
            if let Some(value) = value {
                line.push_str(&format!(" {word} {}", safe::line(value)));
            }
        }
        if let Some(reason) = &one.reason {
            line.push_str(&format!(" ({})", safe::line(reason)));
        }
        out.push_str(&line);
        out.push('\n');
        for field in &one.fields {
            out.push_str(&format!(
                "    {}: {} → {}\n",
                safe::line(&field.path),
                short(&field.before),
                short(&field.after)
            ));
        }
    }
    if !absent.is_empty() {
        out.push_str(&format!(
            "\n{}\n",
            paint.faint("Not there, and never applied as far as the record here says:")
        ));
        for address in absent {
            out.push_str(&format!("    {}\n", safe::line(address)));
        }
    }
    out
}

/// A value on one line; a long one is counted, because `plan` shows it whole.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        other => safe::line(&other.to_string()),
    };
    match text.chars().count() {
        count if count > 60 => format!("({count} characters)"),
        _ => text,
    }
}
