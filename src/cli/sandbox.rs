//! `palisade sandbox`: run the local tenant, look into it, and play what other people do to it.
//!
//! Every command but `serve` works on the state directory; when a sandbox that holds it is running, the command is
//! carried out there instead, over its control API.

mod args;
mod input;
mod reach;
mod serve;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub(crate) use args::SandboxArgs;
use args::{Command, FaultCommand};
use input::{assignments, in_place, pairs, parse_json, read, with};
use reach::{perform, reset};
use serve::serve;

use crate::render::safe;
use crate::sandbox::SandboxError;

use super::connection::SANDBOX_STATE;

/// Runs the command, writing what it has to say to `out`.
///
/// # Errors
/// Whatever kept the command from doing its work.
pub(crate) async fn run(
    args: &SandboxArgs,
    project_root: &Path,
    out: &mut dyn Write,
) -> Result<(), SandboxError> {
    let dir = args.state.clone().unwrap_or_else(|| project_root.join(SANDBOX_STATE));
    match &args.command {
        Command::Serve { port, switches, json } => serve(&dir, *port, switches, *json, out).await,
        Command::Reset => {
            reset(&dir).await?;
            say(out, &format!("The sandbox in {} is empty.\n", dir.display()))
        }
        Command::List { json } => list(&dir, *json, out).await,
        Command::EditRule { rule, set, by } => {
            let set = assignments(set)?;
            let operation = with(rule, project_root, json!({"op": "edit", "set": set, "by": by}))?;
            act(&dir, "Edited", &operation, out).await
        }
        Command::AutoDisable { rule, reason } => {
            let operation = with(rule, project_root, json!({"op": "auto_disable", "reason": reason}))?;
            act(&dir, "Disabled", &operation, out).await
        }
        Command::DeleteRule { rule } => {
            act(&dir, "Deleted", &with(rule, project_root, json!({"op": "delete"}))?, out).await
        }
        Command::AddRule { file, place, by } => {
            let body = parse_json(&read(file)?, &file.display().to_string())?;
            let operation = json!({"op": "add", "rule_body": body, "by": by});
            act(&dir, "Added", &in_place(place, project_root, operation)?, out).await
        }
        Command::Switches => switches(&dir, out).await,
        Command::Switch { values } => {
            perform(&dir, &json!({"op": "set_switches", "values": pairs(values)?})).await?;
            say(out, &format!("Set {}.\n", values.join(", ")))
        }
        Command::Fault { command } => fault(&dir, command, out).await,
    }
}

async fn list(dir: &Path, as_json: bool, out: &mut dyn Write) -> Result<(), SandboxError> {
    let rules = perform(dir, &json!({"op": "list"})).await?;
    let rules = rules.as_array().map_or(&[][..], Vec::as_slice);
    let mut text = String::new();
    for rule in rules {
        let fact = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
        if as_json {
            text.push_str(&format!("{rule}\n"));
        } else {
            text.push_str(&format!(
                "{:<9} {:<36} {:<12} {}\n{:10}{} · changed by {} at {}\n",
                fact("platform"),
                fact("id"),
                fact("state"),
                fact("name"),
                "",
                fact("place"),
                fact("modified_by"),
                fact("modified"),
            ));
        }
    }
    if rules.is_empty() && !as_json {
        text.push_str("The sandbox holds no rules yet.\n");
    }
    say(out, &text)
}

async fn switches(dir: &Path, out: &mut dyn Write) -> Result<(), SandboxError> {
    let switches = perform(dir, &json!({"op": "switches"})).await?;
    let mut text = String::new();
    for switch in switches.as_array().into_iter().flatten() {
        let fact = |name: &str| switch.get(name).and_then(Value::as_str).unwrap_or_default();
        text.push_str(&format!(
            "{}={}\n    {}\n    values: {} · contract: {}\n",
            fact("name"),
            fact("value"),
            fact("doc"),
            fact("values"),
            fact("source"),
        ));
    }
    say(out, &text)
}

async fn fault(dir: &Path, command: &FaultCommand, out: &mut dyn Write) -> Result<(), SandboxError> {
    let operation = match command {
        FaultCommand::Add { order } => {
            let text = match order.strip_prefix('@') {
                Some(file) => read(Path::new(file))?,
                None => order.clone(),
            };
            json!({"op": "add_faults", "orders": parse_json(&text, "the order")?})
        }
        FaultCommand::List => json!({"op": "faults"}),
        FaultCommand::Clear => json!({"op": "set_faults", "orders": []}),
    };
    let orders = perform(dir, &operation).await?;
    let mut text: String =
        orders.as_array().into_iter().flatten().map(|order| format!("{order}\n")).collect();
    if text.is_empty() {
        text.push_str("No faults are ordered.\n");
    }
    say(out, &text)
}

async fn act(dir: &Path, done: &str, operation: &Value, out: &mut dyn Write) -> Result<(), SandboxError> {
    let found = perform(dir, operation).await?;
    let fact = |name: &str| safe::line(found.get(name).and_then(Value::as_str).unwrap_or_default());
    say(out, &format!("{done} {} ({}) in {}.\n", fact("id"), fact("name"), fact("place")))
}

fn say(out: &mut dyn Write, text: &str) -> Result<(), SandboxError> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|source| SandboxError::Io {
        action: "write",
        path: PathBuf::from("standard output"),
        source,
    })
}

#[cfg(test)]
mod tests;
