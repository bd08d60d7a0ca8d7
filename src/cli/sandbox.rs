//! `palisade sandbox`: run the local tenant, look into it, and play what other people do to it.
//!
//! Every command but `serve` works on the state directory; when a sandbox that holds it is running, the command is
//! carried out there instead, over its control API.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::sandbox::{self, DEFAULT_TENANT, Offline, Options, SandboxError, Switches};

/// State directory below the project root.
const STATE: &str = ".palisade/sandbox";
/// How long a command waits for a process that holds the state directory without answering.
const WAIT: Duration = Duration::from_secs(5);

/// Arguments of `palisade sandbox`.
#[derive(Debug, clap::Args)]
pub struct SandboxArgs {
    /// State directory [default: .palisade/sandbox in the project]
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run the local tenant for other clients, until Ctrl-C
    Serve {
        /// Port to listen on; 0 lets the system choose
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Set a switch for this run (see `palisade sandbox switches`)
        #[arg(long = "switch", value_name = "NAME=VALUE")]
        switches: Vec<String>,
        /// Print the endpoints as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget every rule, fault order and switch
    Reset,
    /// List the rules of the local tenant
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Play a portal edit
    EditRule {
        #[command(flatten)]
        rule: RuleArgs,
        /// Property and new value; a value may be JSON or @FILE. Example: --set severity=Low --set query=@new.kql
        #[arg(long = "set", value_name = "PATH=VALUE", required = true)]
        set: Vec<String>,
        /// Who edits
        #[arg(long, value_name = "USER")]
        by: Option<String>,
    },
    /// Play the service disabling a rule after repeated failures
    AutoDisable {
        #[command(flatten)]
        rule: RuleArgs,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Play somebody deleting a rule in the portal
    DeleteRule {
        #[command(flatten)]
        rule: RuleArgs,
    },
    /// Play somebody else making a rule: the JSON of an alert rule or a custom detection
    AddRule {
        /// The rule
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        place: PlaceArgs,
        /// Who makes it
        #[arg(long, value_name = "USER")]
        by: Option<String>,
    },
    /// List the switches with their values and what they stand for
    Switches,
    /// Set switches and keep them
    Switch {
        /// What to set
        #[arg(value_name = "NAME=VALUE", required = true)]
        values: Vec<String>,
    },
    /// Order faults, or list or forget the orders
    Fault {
        #[command(subcommand)]
        command: FaultCommand,
    },
}

#[derive(Debug, clap::Subcommand)]
enum FaultCommand {
    /// Add an order, or a list of them. Example: '{"match":{"method":"PUT","nth":2},"fault":{"kind":"reset_after_accept"}}'
    Add {
        /// JSON, or @FILE
        #[arg(value_name = "JSON")]
        order: String,
    },
    /// List the orders, with how often they fitted and struck
    List,
    /// Forget the orders
    Clear,
}

#[derive(Debug, clap::Args)]
struct RuleArgs {
    /// Id or name of a rule, or a text that it contains
    #[arg(value_name = "RULE")]
    rule: String,
    /// sentinel or defender
    #[arg(long, value_parser = ["sentinel", "defender"])]
    platform: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// Only in the tenant and the workspaces of this environment
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    /// Only in this workspace
    #[arg(long, value_name = "NAME", conflicts_with = "env")]
    workspace: Option<String>,
    /// Only in this tenant
    #[arg(long, value_name = "ID", conflicts_with = "env")]
    tenant: Option<String>,
}

/// Runs the command, writing what it has to say to `out`.
///
/// # Errors
/// Whatever kept the command from doing its work.
pub async fn run(args: &SandboxArgs, project_root: &Path, out: &mut dyn Write) -> Result<(), SandboxError> {
    let dir = args.state.clone().unwrap_or_else(|| project_root.join(STATE));
    match &args.command {
        Command::Serve { port, switches, json } => serve(&dir, *port, switches, *json, out).await,
        Command::Reset => {
            let done = match sandbox::running_at(&dir) {
                Some((url, ca)) => remotely(&url, &ca, &json!({"op": "reset"})).await?,
                None => None,
            };
            if done.is_none() {
                Offline::reset(&dir, WAIT)?;
            }
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

async fn serve(
    dir: &Path,
    port: u16,
    switches: &[String],
    as_json: bool,
    out: &mut dyn Write,
) -> Result<(), SandboxError> {
    let mut chosen = Switches::default();
    for (name, value) in pairs(switches)? {
        chosen.set(&name, value.as_str().unwrap_or_default())?;
    }
    let listen = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port));
    let options = Options { state_dir: Some(dir.to_owned()), listen, switches: chosen, ..Options::default() };
    let running = sandbox::start(options).await?;
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let ca = sandbox::ca_file(&dir);
    let facts = json!({
        "authority": running.authority(), "arm": running.arm(), "graph": running.graph(), "ca_file": ca.display().to_string(),
        "tenant_id": DEFAULT_TENANT, "client_id": running.client_id(), "client_secret": running.client_secret(),
        "state": dir.display().to_string(), "pid": std::process::id(),
    });
    let text = if as_json { format!("{facts}\n") } else { welcome(&facts) };
    say(out, &text)?;
    until_stopped().await;
    running.stop().await
}

fn welcome(facts: &Value) -> String {
    let fact = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut text = "The sandbox is running; Ctrl-C stops it.\n\n".to_owned();
    for name in ["authority", "arm", "graph", "ca_file", "tenant_id", "client_id", "client_secret", "state"] {
        text.push_str(&format!("  {:<14} {}\n", name.replace('_', " "), fact(name)));
    }
    text.push_str(&format!(
        "\nAny tenant id, subscription, resource group and workspace will do. In environment.yaml:\n\n  cloud: {{authority: \"{}\", arm: \"{}\", graph: \"{}\", ca_file: \"{}\"}}\n\nand in the shell:\n\n  export AZURE_TENANT_ID={} AZURE_CLIENT_ID={} AZURE_CLIENT_SECRET={}\n",
        fact("authority"), fact("arm"), fact("graph"), fact("ca_file"), fact("tenant_id"), fact("client_id"), fact("client_secret"),
    ));
    text
}

async fn until_stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
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
    let fact = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
    say(out, &format!("{done} {} ({}) in {}.\n", fact("id"), fact("name"), fact("place")))
}

/// Carries out an operation on the state, or where the state is held.
async fn perform(dir: &Path, operation: &Value) -> Result<Value, SandboxError> {
    // A process that was killed leaves its address behind: when nobody answers there, the state is free.
    if let Some((url, ca)) = sandbox::running_at(dir)
        && let Some(answer) = remotely(&url, &ca, operation).await?
    {
        return Ok(answer);
    }
    let (owned, operation) = (dir.to_owned(), operation.clone());
    let work = tokio::task::spawn_blocking(move || Offline::open(&owned, WAIT)?.control(&operation));
    work.await.map_err(|e| SandboxError::Refused(e.to_string()))?
}

/// `None` when nobody answers at that address.
async fn remotely(url: &str, ca_pem: &str, operation: &Value) -> Result<Option<Value>, SandboxError> {
    let failed = |e: &dyn std::error::Error| {
        let mut reason = e.to_string();
        let mut source = e.source();
        while let Some(cause) = source {
            reason.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        SandboxError::Remote { url: url.to_owned(), reason }
    };
    let ca = reqwest::Certificate::from_pem(ca_pem.as_bytes()).map_err(|e| failed(&e))?;
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|e| failed(&e))?;
    let sent = client.post(format!("{url}/_sandbox/do")).json(operation).send().await;
    let response = match sent {
        Err(e) if e.is_connect() => return Ok(None),
        sent => sent.map_err(|e| failed(&e))?,
    };
    let ok = response.status().is_success();
    let body: Value = response.json().await.map_err(|e| failed(&e))?;
    if ok {
        return Ok(Some(body));
    }
    let message =
        body.pointer("/error/message").and_then(Value::as_str).unwrap_or("an answer without a message");
    Err(SandboxError::Refused(message.to_owned()))
}

fn with(rule: &RuleArgs, project_root: &Path, mut operation: Value) -> Result<Value, SandboxError> {
    if let Some(map) = operation.as_object_mut() {
        map.insert("rule".to_owned(), json!(rule.rule));
        map.insert("platform".to_owned(), json!(rule.platform));
    }
    in_place(&rule.place, project_root, operation)
}

fn in_place(place: &PlaceArgs, project_root: &Path, mut operation: Value) -> Result<Value, SandboxError> {
    let (mut workspaces, mut tenants): (Vec<String>, Vec<String>) =
        (place.workspace.iter().cloned().collect(), place.tenant.iter().cloned().collect());
    if let Some(name) = &place.env {
        (workspaces, tenants) = environment(project_root, name)?;
    }
    if let Some(map) = operation.as_object_mut() {
        map.insert("workspace".to_owned(), json!(workspaces));
        map.insert("tenant".to_owned(), json!(tenants));
    }
    Ok(operation)
}

/// Workspaces and tenant of an environment file. Only these two keys are looked at; the file is checked elsewhere.
fn environment(project_root: &Path, name: &str) -> Result<(Vec<String>, Vec<String>), SandboxError> {
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    if !plain {
        return Err(SandboxError::Refused(format!("`{name}` is not the name of an environment")));
    }
    let path = project_root.join("environments").join(name).join("environment.yaml");
    let file: Value = serde_saphyr::from_str(&read(&path)?)
        .map_err(|e| SandboxError::Refused(format!("{} cannot be read: {e}", path.display())))?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let sentinel = file.get("sentinel").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let workspaces = sentinel.iter().filter_map(|entry| text(entry, "workspace")).collect();
    Ok((workspaces, text(&file, "tenant_id").into_iter().collect()))
}

/// `PATH=VALUE` with values as JSON, as the content of a file, or as plain text.
fn assignments(set: &[String]) -> Result<Map<String, Value>, SandboxError> {
    let mut out = Map::new();
    for (path, value) in pairs(set)? {
        let text = value.as_str().unwrap_or_default();
        let value = match text.strip_prefix('@') {
            Some(file) => Value::String(read(Path::new(file))?),
            None => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        out.insert(path, value);
    }
    Ok(out)
}

fn pairs(items: &[String]) -> Result<Map<String, Value>, SandboxError> {
    let pair = |item: &String| {
        let (name, value) = item
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| SandboxError::Refused(format!("`{item}` is not of the form NAME=VALUE")))?;
        Ok((name.to_owned(), Value::String(value.to_owned())))
    };
    items.iter().map(pair).collect()
}

fn parse_json(text: &str, what: &str) -> Result<Value, SandboxError> {
    serde_json::from_str(text).map_err(|e| SandboxError::Refused(format!("{what} is not JSON: {e}")))
}

fn read(path: &Path) -> Result<String, SandboxError> {
    std::fs::read_to_string(path).map_err(|source| SandboxError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
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
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        sandbox: SandboxArgs,
    }

    async fn ask(root: &Path, line: &[&str]) -> Result<String, SandboxError> {
        let program = Program::try_parse_from(["palisade"].iter().chain(line)).unwrap();
        let mut out = Vec::new();
        run(&program.sandbox, root, &mut out).await?;
        Ok(String::from_utf8(out).unwrap())
    }

    const RULE: &str = r#"{"kind": "Scheduled", "name": "r-1", "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/law/x",
        "properties": {"displayName": "Old name", "enabled": true, "severity": "High", "query": "T | where a == 'marker-7'",
        "queryFrequency": "PT1H", "queryPeriod": "PT1H", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
        "suppressionEnabled": false, "suppressionDuration": "PT5H"}}"#;

    #[tokio::test]
    async fn the_commands_work_on_the_state_and_on_a_running_sandbox_alike() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::write(root.join("rule.json"), RULE).unwrap();
        std::fs::write(root.join("new.kql"), "T | where a == 'marker-7' or b").unwrap();
        std::fs::create_dir_all(root.join("environments/prod")).unwrap();
        std::fs::write(
            root.join("environments/prod/environment.yaml"),
            "tenant_id: t\nsentinel:\n  - {workspace: law}\n",
        )
        .unwrap();
        let (rule, query) = (root.join("rule.json"), format!("query=@{}", root.join("new.kql").display()));
        let dir = root.join(STATE);
        for running in [false, true] {
            let served = if running {
                Some(
                    sandbox::start(Options { state_dir: Some(dir.clone()), ..Options::default() })
                        .await
                        .unwrap(),
                )
            } else {
                None
            };
            let added = ask(root, &["add-rule", rule.to_str().unwrap()]).await.unwrap();
            assert_eq!(added, "Added r-1 (Old name) in sentinel:s/g/law.\n", "running: {running}");
            let sets = ["--set", "severity=Low", "--set", &query, "--set", "enabled=false"];
            let edit = [&["edit-rule", "marker-7", "--env", "prod"][..], &sets].concat();
            let edited = ask(root, &edit).await.unwrap();
            assert_eq!(edited, "Edited r-1 (Old name) in sentinel:s/g/law.\n");
            let listed = ask(root, &["list"]).await.unwrap();
            assert!(
                listed.contains("r-1") && listed.contains("disabled") && listed.contains("portal.user@"),
                "{listed}"
            );
            assert!(ask(root, &["auto-disable", "Old name", "--reason", "why"]).await.is_ok());
            assert!(ask(root, &["list"]).await.unwrap().contains("AUTO DISABLED Old name"));
            assert!(ask(root, &["switch", "arm_page_size=3"]).await.is_ok());
            assert!(ask(root, &["switches"]).await.unwrap().contains("arm_page_size=3\n"));
            assert!(ask(root, &["switch", "arm_page_size=x"]).await.is_err());
            let order = r#"{"fault":{"kind":"reset_before"}}"#;
            assert!(ask(root, &["fault", "add", order]).await.unwrap().contains("reset_before"));
            assert!(ask(root, &["fault", "list"]).await.unwrap().contains("reset_before"));
            assert_eq!(ask(root, &["fault", "clear"]).await.unwrap(), "No faults are ordered.\n");
            assert!(ask(root, &["delete-rule", "r-1", "--workspace", "law"]).await.is_ok());
            assert!(ask(root, &["delete-rule", "r-1"]).await.is_err());
            assert!(ask(root, &["reset"]).await.unwrap().contains("is empty"));
            assert_eq!(ask(root, &["list"]).await.unwrap(), "The sandbox holds no rules yet.\n");
            if let Some(served) = served {
                served.stop().await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_broken_state_is_named_and_can_be_reset() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join(STATE);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("state.ndjson"), "nonsense\n").unwrap();
        let error = ask(root.path(), &["list"]).await.unwrap_err().to_string();
        assert!(error.contains("state.ndjson line 1") && error.contains("palisade sandbox reset"), "{error}");
        assert!(ask(root.path(), &["reset"]).await.is_ok());
        assert!(ask(root.path(), &["list"]).await.is_ok());
        // An address left behind by a killed process is not believed.
        std::fs::write(dir.join("endpoint.json"), r#"{"url": "https://localhost:1", "pid": 1}"#).unwrap();
        let ca = sandbox::start(Options::default()).await.unwrap();
        std::fs::write(dir.join("ca.pem"), ca.ca_pem()).unwrap();
        assert!(ask(root.path(), &["list"]).await.is_ok());
        assert!(ask(root.path(), &["reset"]).await.is_ok());
    }

    #[tokio::test]
    async fn an_environment_name_cannot_be_a_path() {
        let root = tempfile::tempdir().unwrap();
        for name in ["../x", "", ".hidden", "a/b"] {
            let error = ask(root.path(), &["delete-rule", "r", "--env", name]).await.unwrap_err().to_string();
            assert!(error.contains("is not the name of an environment"), "{error}");
        }
    }

    #[test]
    fn values_are_json_or_text() {
        let set =
            assignments(&["a=true".to_owned(), "b=Low".to_owned(), "c=[1]".to_owned(), "d=x=y".to_owned()])
                .unwrap();
        assert_eq!(Value::Object(set), json!({"a": true, "b": "Low", "c": [1], "d": "x=y"}));
        assert!(assignments(&["=x".to_owned()]).is_err());
    }
}
