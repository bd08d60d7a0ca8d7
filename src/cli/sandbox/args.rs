//! Arguments of `palisade sandbox`.

use std::path::PathBuf;

/// Arguments of `palisade sandbox`.
#[derive(Debug, clap::Args)]
pub(crate) struct SandboxArgs {
    /// State directory [default: .palisade/sandbox in the project]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
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
pub(super) enum FaultCommand {
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
pub(super) struct RuleArgs {
    /// Id or name of a rule, or a text that it contains
    #[arg(value_name = "RULE")]
    pub(super) rule: String,
    /// sentinel or defender
    #[arg(long, value_parser = ["sentinel", "defender"])]
    pub(super) platform: Option<String>,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct PlaceArgs {
    /// Only in the tenant and the workspaces of this environment
    #[arg(short, long, value_name = "ENVIRONMENT")]
    pub(super) env: Option<String>,
    /// Only in this workspace
    #[arg(long, value_name = "NAME", conflicts_with = "env")]
    pub(super) workspace: Option<String>,
    /// Only in this tenant
    #[arg(long, value_name = "ID", conflicts_with = "env")]
    pub(super) tenant: Option<String>,
}
