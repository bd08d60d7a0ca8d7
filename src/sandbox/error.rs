//! What can go wrong while the sandbox starts, stores or is operated.

use std::path::PathBuf;

/// A failure of the sandbox itself. What the emulated services answer to a bad request is never
/// one of these: it is an HTTP reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// A file of the state directory could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was being done, as a verb: "read", "write", "create".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process uses the state directory.
    #[error(
        "the sandbox state in {} is in use by process {owner}, and still was after {waited_ms} ms; stop that process, or give this one another state directory",
        dir.display()
    )]
    Locked {
        /// The state directory.
        dir: PathBuf,
        /// The process id the other process wrote down, or "unknown".
        owner: String,
        /// How long this process waited.
        waited_ms: u64,
    },
    /// The stored state cannot be understood. A torn last line is tolerated; anything else is not.
    #[error("{} line {line} is not a sandbox record ({reason}); `palisade sandbox reset` starts over", path.display())]
    Corrupt {
        /// The state file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// What the parser said.
        reason: String,
    },
    /// The listener could not be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// A switch that does not exist, or a value it does not take.
    #[error("{0}")]
    Switch(String),
    /// A fault order that cannot be understood.
    #[error("{0}")]
    Fault(String),
    /// An operation (edit, delete, …) that cannot be carried out.
    #[error("{0}")]
    Refused(String),
    /// A running sandbox could not be reached or answered nonsense.
    #[error("cannot talk to the sandbox running at {url}: {reason}")]
    Remote {
        /// Its control address.
        url: String,
        /// The chain of causes.
        reason: String,
    },
}

impl SandboxError {
    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
