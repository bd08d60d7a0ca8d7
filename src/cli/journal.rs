//! The journal of a plan on disk: `.palisade/journal/<plan digest>.jsonl`, one line before and one after every write.
//!
//! Each line is on disk before the next step. A run that was cut off may leave half a line at the end; anything else that
//! does not fit means that somebody else wrote the file, and then nothing is done.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use crate::apply::{Entry, Operation};
use crate::plan::Plan;

use super::failure::Failure;

/// Below the repository's root.
const FOLDER: &str = ".palisade/journal";

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    fixed_now: Option<Timestamp>,
    /// Writes of an earlier run that nobody saw the end of: address and what was tried.
    pub(crate) open_ends: Vec<(String, Operation)>,
}

impl Journal {
    /// Opens the journal of `plan`, and reads what earlier runs of the same plan left. `fixed_now` is the clock of tests.
    pub(crate) fn open(root: &Path, plan: &Plan, fixed_now: Option<Timestamp>) -> Result<Self, Failure> {
        let folder = root.join(FOLDER);
        let name = plan.digest.strip_prefix("sha256:").unwrap_or(&plan.digest);
        let path = folder.join(format!("{name}.jsonl"));
        let failed = |error: std::io::Error| {
            Failure::error(format!("the journal `{}` cannot be written; nothing was changed", path.display()))
                .caused_by(&error)
                .help("every write is recorded before it is sent; make the folder writable")
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let open_ends = read(&text, plan).map_err(|why| {
            Failure::error(format!("the journal `{}` {why}; nothing was changed", path.display()))
                .help("look at it, and move it away if it is not needed: the plan can be applied without it")
        })?;
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(&path).map_err(failed)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(failed)?;
        }
        // The file's name must survive too.
        #[cfg(unix)]
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(Self { path, file: Mutex::new(file), fixed_now, open_ends })
    }

    /// Writes one line; it is on disk when this returns.
    pub(crate) fn record(&self, entry: &Entry) -> Result<(), String> {
        let line = self.line(entry).map_err(|error| error.to_string())?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|error| format!("the journal `{}` cannot be written: {error}", self.path.display()))
    }

    fn line(&self, entry: &Entry) -> serde_json::Result<String> {
        let mut value = serde_json::to_value(entry)?;
        if let Value::Object(members) = &mut value {
            let now = self.fixed_now.unwrap_or_else(Timestamp::now);
            members.shift_insert(0, "at".to_owned(), now.to_string().into());
        }
        Ok(format!("{value}\n"))
    }
}

/// Checks a journal's text against the plan; the writes without an end in it.
fn read(text: &str, plan: &Plan) -> Result<Vec<(String, Operation)>, String> {
    let mut open: Vec<(String, Operation)> = Vec::new();
    let whole = text.ends_with('\n');
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let entry = match entry(line) {
            Ok(entry) => entry,
            // Cut off while it was written: now, or before a run that went on behind it.
            Err(_) if is_torn(line) && (at + 1 < lines.len() || !whole || line.is_empty()) => continue,
            Err(error) => return Err(format!("is damaged in line {}: {error}", at + 1)),
        };
        match entry {
            Entry::Begin { plan: digest, environment, tenant_id, .. } => {
                let same =
                    digest == plan.digest && environment == plan.environment && tenant_id == plan.tenant_id;
                if !same {
                    return Err(format!("belongs to another plan ({digest} for {environment})"));
                }
            }
            Entry::Intent { address, operation, .. } => open.push((address, operation)),
            Entry::Done { address, operation, .. } => {
                open.retain(|(of, tried)| *of != address || *tried != operation);
            }
            Entry::End { .. } => {}
        }
        if at == 0 && !line.contains("\"event\":\"begin\"") {
            return Err("does not begin with the plan that it is for".to_owned());
        }
    }
    Ok(open)
}

fn entry(line: &str) -> serde_json::Result<Entry> {
    let mut value: Value = serde_json::from_str(line)?;
    if let Value::Object(members) = &mut value {
        members.shift_remove("at");
    }
    serde_json::from_value(value)
}

/// The beginning of a line of ours that lacks its end.
fn is_torn(line: &str) -> bool {
    line.is_empty()
        || (!line.ends_with('}') && "{\"at\":\"".starts_with(line.get(..line.len().min(7)).unwrap_or("x")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Adoption, Input, Migration, Policy};

    fn plan() -> Plan {
        let policy = Policy {
            prune: crate::model::environment::Prune::Owned,
            guards: crate::model::environment::Guards::default(),
            on_drift: None,
            take_over: vec![],
            adoption: Adoption::Leave,
            migration: Migration::Leave,
            reenable_auto_disabled: false,
            targets: vec![],
            allow_empty: false,
            changed: None,
            replace_ids: vec![],
        };
        crate::plan::plan(&Input {
            environment: "lab",
            owner: "acme/lab",
            tenant_id: "t",
            desired: &[],
            actual: &[],
            policy: &policy,
            evaluated_at: "2026-11-23T08:00:00Z",
            valid_until: "2026-11-24T08:00:00Z",
        })
    }

    fn begin(plan: &Plan) -> Entry {
        Entry::Begin {
            plan: plan.digest.clone(),
            environment: plan.environment.clone(),
            tenant_id: plan.tenant_id.clone(),
            tool_version: "0".into(),
            changes: 1,
        }
    }

    fn intent() -> Entry {
        Entry::Intent {
            address: "defender:a".into(),
            operation: Operation::Create,
            remote_id: "a".into(),
            before: None,
            after: Some("d".into()),
        }
    }

    #[test]
    fn a_cut_off_run_is_told_to_the_next_and_half_a_line_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan();
        let journal = Journal::open(folder.path(), &plan, None).unwrap();
        journal.record(&begin(&plan)).unwrap();
        journal.record(&intent()).unwrap();
        let text = std::fs::read_to_string(&journal.path).unwrap();
        std::fs::write(&journal.path, format!("{text}{{\"at\":\"2026-11-2")).unwrap();

        let again = Journal::open(folder.path(), &plan, None).unwrap();
        assert_eq!(again.open_ends, [("defender:a".to_owned(), Operation::Create)]);
        again.record(&begin(&plan)).unwrap();
        assert!(Journal::open(folder.path(), &plan, None).is_ok());
    }

    #[test]
    fn another_plans_journal_and_a_damaged_one_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan();
        let journal = Journal::open(folder.path(), &plan, None).unwrap();
        let other = Plan { digest: "sha256:other".into(), ..plan.clone() };
        for (text, word) in [
            (journal.line(&begin(&other)).unwrap(), "another plan"),
            (journal.line(&intent()).unwrap(), "does not begin"),
            (format!("{}nonsense\n", journal.line(&begin(&plan)).unwrap()), "damaged in line 2"),
            ("{}\n".to_owned(), "damaged in line 1"),
        ] {
            std::fs::write(&journal.path, text).unwrap();
            let failure = Journal::open(folder.path(), &plan, None).unwrap_err();
            assert!(failure.message.contains(word), "{}", failure.message);
        }
    }
}
