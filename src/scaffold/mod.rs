//! A detection repository to begin with, as texts: what `palisade init` writes. It reads nothing and writes nothing.
//!
//! Everything here is complete: the example validates, its cases pass, and it can be applied to the sandbox at once, so that whoever
//! changes something sees at once what it does. Start with [`files`]; [`pipelines`] has what runs it in a pipeline.

mod editor;
pub mod pipelines;

use jiff::ToSpan as _;
use jiff::civil::Date;

pub use pipelines::Ci;

/// The example's only environment.
pub const ENVIRONMENT: &str = "sandbox";

/// How long the example's allowlist entry holds: well within the project's own limit of a year.
const HOLDS: i64 = 180;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Below the repository's root, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Other tools have a file of this name too: one that is there stays, and is no reason to stop.
    pub shared: bool,
}

impl File {
    fn new(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), text: text.into(), shared: false }
    }

    fn shared(path: &str, text: impl Into<String>) -> Self {
        Self { shared: true, ..Self::new(path, text) }
    }
}

/// A repository with one environment, rule, allowlist entry and four cases. `today` dates the entry.
#[must_use]
pub fn files(today: Date) -> Vec<File> {
    let expires = today.saturating_add(HOLDS.days());
    let dated = |text: &str| {
        text.replace("__CREATED__", &today.to_string()).replace("__EXPIRES__", &expires.to_string())
    };
    let mut files = vec![
        File::new("palisade.yaml", include_str!("data/palisade.yaml")),
        File::new("rules/scheduled-task-from-user-folder.yaml", dated(include_str!("data/rule.yaml"))),
        File::new("environments/sandbox/environment.yaml", include_str!("data/environment.yaml")),
        File::new("environments/sandbox/allowlists/notes.yaml", dated(include_str!("data/allowlist.yaml"))),
        File::new("tests/scheduled-task-from-user-folder.yaml", dated(include_str!("data/cases.yaml"))),
        File::shared(".gitignore", include_str!("data/gitignore")),
    ];
    files.extend(editor::files());
    files
}

/// Hooks for `pre-commit`, which run the program that is installed.
#[must_use]
pub fn pre_commit() -> File {
    File::shared(".pre-commit-config.yaml", include_str!("data/pre-commit.yaml"))
}
