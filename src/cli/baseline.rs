//! `validate --baseline FILE`: findings that were there when the checks were introduced, so that only new ones count.
//!
//! A baseline is a debt that may only shrink: an entry whose finding is gone is an error that says to remove it, and errors
//! can never be entered. An entry is a code, the file, and a digest of what the finding says, so that it survives lines
//! being moved and does not cover a second finding that says something else.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Suppression};
use crate::source::SourceMap;

use super::failure::Failure;

/// The code of entries that no longer occur.
const STALE: &str = "BASE-01";
/// The only version of the format so far.
const FORMAT_VERSION: &str = "1.0";
/// The largest baseline that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format_version: String,
    findings: BTreeSet<Entry>,
}

/// One accepted finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The file in which it is.
    path: String,
    code: String,
    /// Of what the finding says.
    digest: String,
}

impl Entry {
    fn of(finding: &Diagnostic, sources: &SourceMap) -> Self {
        let path = finding.span.map_or_else(String::new, |span| sources.path(span.file).to_owned());
        let mut hash = Sha256::new();
        for part in [Some(finding.summary.as_str()), finding.label.as_deref(), finding.detail.as_deref()] {
            hash.update(part.unwrap_or_default());
            hash.update([0]);
        }
        let digest = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { path, code: finding.code.to_owned(), digest }
    }
}

/// Takes the accepted findings away, and adds an error for each entry that no longer occurs.
pub(super) fn apply(path: &Path, findings: &mut Diagnostics, sources: &SourceMap) -> Result<(), Failure> {
    let accepted = read(path)?;
    let entry =
        |finding: &Diagnostic| (finding.severity != Severity::Error).then(|| Entry::of(finding, sources));
    let known = |finding: &Diagnostic| entry(finding).filter(|entry| accepted.contains(entry));
    let occurred: BTreeSet<Entry> = findings.iter().filter_map(known).collect();
    let reason = format!("accepted in the baseline {}", path.display());
    findings.suppress(Suppression::External, &reason, |finding| known(finding).is_some());
    for gone in accepted.difference(&occurred) {
        findings.push(
            Diagnostic::error(STALE, "an entry of the baseline no longer occurs")
                .with_detail(format!("{} in `{}` (digest {}) is gone", gone.code, gone.path, gone.digest))
                .with_help("remove the entry, or write the baseline again with --write-baseline"),
        );
    }
    Ok(())
}

/// Writes a baseline of everything that is no error; gives back how many entries it has.
pub(super) fn write(path: &Path, findings: &Diagnostics, sources: &SourceMap) -> Result<usize, Failure> {
    let entries = findings.iter().filter(|finding| finding.severity != Severity::Error);
    let file = File {
        format_version: FORMAT_VERSION.to_owned(),
        findings: entries.map(|finding| Entry::of(finding, sources)).collect(),
    };
    let failed = || Failure::error(format!("the baseline `{}` cannot be written", path.display()));
    let mut text = serde_json::to_string_pretty(&file).map_err(|error| failed().caused_by(&error))?;
    text.push('\n');
    std::fs::write(path, text).map_err(|error| failed().caused_by(&error))?;
    Ok(file.findings.len())
}

fn read(path: &Path) -> Result<BTreeSet<Entry>, Failure> {
    let failed = || {
        Failure::error(format!("the baseline `{}` cannot be read", path.display()))
            .help("write one with `palisade validate --baseline FILE --write-baseline`")
    };
    let size = std::fs::metadata(path).map_err(|error| failed().caused_by(&error))?.len();
    if size > MAX_BYTES {
        return Err(failed());
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed().caused_by(&error))?;
    let file: File = serde_json::from_str(&text).map_err(|error| failed().caused_by(&error))?;
    if file.format_version != FORMAT_VERSION {
        return Err(Failure::error(format!(
            "the baseline `{}` has format {}; this version reads {FORMAT_VERSION}",
            path.display(),
            file.format_version
        )));
    }
    Ok(file.findings)
}
