//! What comes from outside the repository and the command line: environment variables and the clock.

use std::io::IsTerminal as _;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::provider::auth::Variables;

/// Read once, at the start.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Every environment variable, for the credentials.
    pub(crate) variables: Variables,
    /// Now; `PALISADE_NOW` fixes it, for tests and for asking what a later day would bring.
    pub(crate) now: Result<Timestamp, String>,
    /// stdin and stderr are a terminal, and no build agent runs us.
    pub(crate) interactive: bool,
    /// stdout is a terminal.
    pub(crate) stdout_is_terminal: bool,
    /// stderr is a terminal.
    pub(crate) stderr_is_terminal: bool,
    /// Columns of the terminal, or `COLUMNS`; none when nothing is shown in one.
    pub(crate) columns: Option<usize>,
}

/// Variables by which build agents make themselves known.
const AGENTS: [&str; 4] = ["CI", "GITHUB_ACTIONS", "TF_BUILD", "GITLAB_CI"];

impl Settings {
    pub(crate) fn from_process() -> Self {
        let variables: Variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let now = match variables.get("PALISADE_NOW") {
            Some(text) => text.parse().map_err(|_| {
                format!("PALISADE_NOW is `{text}`, not a UTC time such as 2026-11-23T08:00:00Z")
            }),
            None => Ok(Timestamp::now()),
        };
        let agent = AGENTS.iter().any(|name| variables.get(name).is_some_and(|value| value != "false"));
        let (stdout, stderr) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let said = variables.get("COLUMNS").and_then(|text| text.parse().ok());
        Self {
            columns: said.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))),
            interactive: std::io::stdin().is_terminal() && stderr && !agent,
            stdout_is_terminal: stdout,
            stderr_is_terminal: stderr,
            variables,
            now,
        }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Result<Timestamp, super::Failure> {
        self.now.clone().map_err(super::Failure::error)
    }

    /// The time of something that happens while a command runs: the clock, unless it is fixed.
    pub(crate) fn moment(&self) -> Timestamp {
        self.fixed_now().unwrap_or_else(Timestamp::now)
    }

    /// The moment that `PALISADE_NOW` fixes.
    pub(crate) fn fixed_now(&self) -> Option<Timestamp> {
        self.variables.get("PALISADE_NOW")?.parse().ok()
    }

    /// The present day (UTC).
    pub(crate) fn today(&self) -> Result<Date, super::Failure> {
        Ok(self.now()?.to_zoned(jiff::tz::TimeZone::UTC).date())
    }

    /// Colours for a stream: `NO_COLOR` and `CLICOLOR_FORCE` as everybody reads them.
    pub(crate) fn wants_color(&self, is_terminal: bool) -> bool {
        if self.variables.get("NO_COLOR").is_some() {
            return false;
        }
        let forced = self.variables.get("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        forced || (is_terminal && self.variables.get("TERM") != Some("dumb"))
    }
}

/// Sends traces to stderr when asked for. The SDK redacts headers and query values; bodies are never traced.
pub(crate) fn start_tracing(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        // `typespec_client_core` is where azure_core logs each request and answer, secrets redacted.
        1 => "palisade=debug,typespec_client_core::http::policies::logging=debug",
        _ => "palisade=trace,typespec_client_core=debug,azure_identity=trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("PALISADE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}
