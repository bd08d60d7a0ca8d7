//! `palisade audit`: the record of every apply, chained by hash, in `.palisade/audit.jsonl`.
//!
//! Each record carries the hash of the one before and its own, over everything in it. Whoever changes, removes or
//! inserts a record breaks the chain from there on. A chain cannot tell that its end is missing: keep the last hash, which
//! `apply --report` also has, somewhere else.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::resource::{hex, sorted_json};

use super::failure::{Exit, Failure};
use super::ui::Ui;

/// Below the repository's root.
const FILE: &str = ".palisade/audit.jsonl";
/// What the first record names as its predecessor.
const NOTHING: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AuditCommand {
    /// Check that no record of an apply was changed, removed or inserted
    Verify {
        /// The file to check instead of the repository's own
        #[arg(long, value_name = "FILE")]
        file: Option<std::path::PathBuf>,
    },
}

pub(crate) fn run(args: &AuditArgs, start: &Path, ui: &Ui) -> Result<Exit, Failure> {
    let AuditCommand::Verify { file } = &args.command;
    let path = match file {
        Some(file) => file.clone(),
        None => crate::load::find_root(start).unwrap_or_else(|| start.to_path_buf()).join(FILE),
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::error(format!("the audit file `{}` cannot be read", path.display()))
            .caused_by(&error)
            .help("it is written by `palisade apply`")
    })?;
    let (records, last) = verify(&text).map_err(|(line, why)| {
        Failure::error(format!("`{}`, line {line}: {why}", path.display()))
            .help("records from this line on cannot be trusted; compare with the reports of `apply --report`")
    })?;
    ui.data(&format!("{records} records, unbroken. Last: {last}"));
    Ok(Exit::Done)
}

/// Appends a record; the record as it was written, with `previous` and `hash`.
pub(crate) fn append(root: &Path, record: Value) -> Result<Value, Failure> {
    let path = root.join(FILE);
    let failed = |error: std::io::Error| {
        Failure::error(format!("the audit file `{}` cannot be written", path.display())).caused_by(&error)
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file: File = options.open(&path).map_err(failed)?;
    // Two applies at once must not both follow the same record.
    file.lock().map_err(failed)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    let sealed = seal(record, &last_hash(&text));
    let mut line = format!("{sealed}\n");
    if !text.is_empty() && !text.ends_with('\n') {
        line.insert(0, '\n');
    }
    file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
    Ok(sealed)
}

/// Addresses of an owner's rules that are deployed, as far as the record says. Damaged lines say nothing.
pub(crate) fn deployed(root: &Path, owner: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root.join(FILE)).unwrap_or_default();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut there = BTreeSet::new();
    for record in records.filter(|record| record["owner"] == owner) {
        let lists = ["applied", "failed"].map(|list| record[list].as_array().cloned().unwrap_or_default());
        for entry in lists.iter().flatten() {
            let Some(address) = entry["address"].as_str() else { continue };
            let deletion = entry["actions"] == json!(["delete"]);
            // What the record is unsure of is not said to be deployed.
            match (entry["result"].as_str().unwrap_or_default(), deletion) {
                ("applied" | "already_done" | "deviates", false) => there.insert(address.to_owned()),
                ("applied" | "already_done" | "deletion_accepted" | "unknown" | "interrupted", true) => {
                    there.remove(address)
                }
                _ => false,
            };
        }
    }
    there
}

fn last_hash(text: &str) -> String {
    let last = text.lines().rev().find_map(|line| {
        let record: Value = serde_json::from_str(line).ok()?;
        record.get("hash")?.as_str().map(str::to_owned)
    });
    last.unwrap_or_else(|| NOTHING.to_owned())
}

fn seal(mut record: Value, previous: &str) -> Value {
    if let Value::Object(members) = &mut record {
        members.insert("previous".to_owned(), json!(previous));
    }
    let hash = hash(&record);
    if let Value::Object(members) = &mut record {
        members.insert("hash".to_owned(), json!(hash));
    }
    record
}

fn hash(record: &Value) -> String {
    format!("sha256:{}", hex(&Sha256::digest(sorted_json(record).as_bytes())))
}

/// The number of records and the last hash, or the first line that does not fit, and why.
fn verify(text: &str) -> Result<(usize, String), (usize, &'static str)> {
    let (mut previous, mut count) = (NOTHING.to_owned(), 0);
    for (at, line) in text.lines().enumerate() {
        let mut record: Value =
            serde_json::from_str(line).map_err(|_| (at + 1, "the line is not a whole record"))?;
        let members = record.as_object_mut().ok_or((at + 1, "the line is not a record"))?;
        let said = members.shift_remove("hash").and_then(|hash| hash.as_str().map(str::to_owned));
        if members.get("previous").and_then(Value::as_str) != Some(&previous) {
            return Err((
                at + 1,
                "the record does not follow the one before it: one was removed, inserted or changed",
            ));
        }
        let hash = hash(&record);
        if said.as_ref() != Some(&hash) {
            return Err((at + 1, "the record was changed after it was written"));
        }
        (previous, count) = (hash, count + 1);
    }
    Ok((count, previous))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_tampering_breaks_the_chain_where_it_happened() {
        let folder = tempfile::tempdir().unwrap();
        for n in 1..=4 {
            append(folder.path(), json!({"n": n})).unwrap();
        }
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert_eq!(verify(&text).unwrap().0, 4);
        let lines: Vec<&str> = text.lines().collect();
        let broken = |lines: &[&str]| verify(&lines.join("\n")).unwrap_err().0;
        assert_eq!(broken(&[lines[0], lines[2], lines[3]]), 2, "removed");
        assert_eq!(broken(&[lines[0], lines[1], lines[1], lines[2]]), 3, "inserted");
        assert_eq!(broken(&[lines[1], lines[0]]), 1, "moved");
        let forged = lines[1].replace("\"n\":2", "\"n\":5");
        assert_eq!(broken(&[lines[0], &forged, lines[2]]), 2, "changed");
        let resealed = seal(json!({"n": 5}), &last_hash(lines[0])).to_string();
        assert_eq!(broken(&[lines[0], &resealed, lines[2]]), 3, "changed and sealed again");
        assert_eq!(broken(&[lines[0], &lines[1][..20]]), 2, "cut");
    }
}
