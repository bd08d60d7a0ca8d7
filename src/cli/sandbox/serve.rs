//! `palisade sandbox serve`.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::input::pairs;
use super::say;
use crate::sandbox::{self, DEFAULT_TENANT, Options, SandboxError, Switches};

/// Runs the sandbox until the process is told to stop.
pub(super) async fn serve(
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
