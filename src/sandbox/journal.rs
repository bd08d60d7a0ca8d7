//! The state directory: an append-only file of what changed, and a lock.
//!
//! Every change is one line written with one `write` call, so a `kill -9` loses at most the line that was being
//! written; a torn last line is dropped at the next start. At start and at stop the file is rewritten when
//! much of it is no longer live. Nothing is buffered in this process.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SandboxError;
use super::shelf::{Gone, Record};
use crate::parallel;

const FILE: &str = "state.ndjson";
const LOCK: &str = "lock";
const OWNER: &str = "lock.pid";
/// How long a start waits for another process to let go of the state directory.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// One line of the state file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Line {
    /// First line of a file.
    Format { version: u32 },
    /// A shelf exists; the rules that every workspace starts with have been put on it.
    Shelf { shelf: String },
    /// A rule was written.
    Put { shelf: String, seq: u64, record: Record },
    /// A rule was removed, and perhaps its id is still held.
    Remove { shelf: String, id: String, gone: Option<Gone> },
    /// Switches that differ from their defaults, all of them.
    Switches { values: Map<String, Value> },
}

const VERSION: u32 = 1;
/// As many bytes of lines are decoded at a time.
const BLOCK: usize = 1 << 20;

/// The open state directory. Dropping it releases the lock.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    file: File,
    lines: usize,
    /// Kept open: the lock lives as long as this handle.
    _lock: File,
}

impl Journal {
    /// Takes the lock and hands every stored line to `replay`, in order.
    pub(crate) fn open(
        dir: &Path,
        wait: Option<Duration>,
        replay: impl FnMut(Line),
    ) -> Result<Self, SandboxError> {
        fs::create_dir_all(dir).map_err(|e| SandboxError::io("create", dir, e))?;
        let lock = take_lock(dir, wait.unwrap_or(LOCK_WAIT))?;
        let path = dir.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| SandboxError::io("open", &path, e))?;
        let (lines, sound) = read_lines(&path, &file, replay)?;
        file.set_len(sound).map_err(|e| SandboxError::io("truncate", &path, e))?;
        file.seek(SeekFrom::Start(sound)).map_err(|e| SandboxError::io("read", &path, e))?;
        let mut journal = Self { dir: dir.to_owned(), file, lines, _lock: lock };
        if lines == 0 {
            journal.append(&Line::Format { version: VERSION })?;
        }
        Ok(journal)
    }

    /// Lines in the file, live or not.
    pub(crate) fn lines(&self) -> usize {
        self.lines
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds one line.
    pub(crate) fn append(&mut self, line: &Line) -> Result<(), SandboxError> {
        let mut bytes = Vec::new();
        encode(line, &mut bytes)?;
        self.lines += 1;
        self.file.write_all(&bytes).map_err(|e| SandboxError::io("write", &self.dir.join(FILE), e))
    }

    /// Replaces the file by these lines, atomically.
    pub(crate) fn rewrite(&mut self, lines: impl Iterator<Item = Line>) -> Result<(), SandboxError> {
        let (path, fresh) = (self.dir.join(FILE), self.dir.join("state.ndjson.new"));
        let failed = |e| SandboxError::io("write", &fresh, e);
        let mut out = BufWriter::new(File::create(&fresh).map_err(failed)?);
        let (mut bytes, mut count) = (Vec::new(), 0);
        for line in std::iter::once(Line::Format { version: VERSION }).chain(lines) {
            bytes.clear();
            encode(&line, &mut bytes)?;
            out.write_all(&bytes).map_err(failed)?;
            count += 1;
        }
        let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
        fs::rename(&fresh, &path).map_err(|e| SandboxError::io("replace", &path, e))?;
        // The handle follows the file through the rename and stands at its end.
        (self.file, self.lines) = (file, count);
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Only tidiness: the lock itself goes with the file handle.
        let _ = fs::remove_file(self.dir.join(OWNER));
    }
}

fn encode(line: &Line, bytes: &mut Vec<u8>) -> Result<(), SandboxError> {
    serde_json::to_writer(&mut *bytes, line)
        .map_err(|e| SandboxError::Refused(format!("the state cannot be written as JSON: {e}")))?;
    bytes.push(b'\n');
    Ok(())
}

/// The number of whole lines, and the length of the file up to the end of the last of them. A block of lines is decoded at a
/// time, on all cores: the state of hundreds of tenants is hundreds of megabytes.
fn read_lines(path: &Path, file: &File, mut replay: impl FnMut(Line)) -> Result<(usize, u64), SandboxError> {
    let mut reader = BufReader::new(file);
    let (mut count, mut sound, mut ends) = (0, 0u64, false);
    while !ends {
        let (mut block, mut size): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
        while size < BLOCK && !ends {
            let mut raw = Vec::new();
            reader.read_until(b'\n', &mut raw).map_err(|e| SandboxError::io("read", path, e))?;
            size += raw.len();
            if raw.pop() == Some(b'\n') { block.push(raw) } else { ends = true }
        }
        let decoded = parallel::map(&block, |text| serde_json::from_slice::<Line>(text));
        for (text, line) in block.iter().zip(decoded) {
            let corrupt =
                |reason: String| SandboxError::Corrupt { path: path.to_owned(), line: count + 1, reason };
            let line = line.map_err(|e| corrupt(e.to_string()))?;
            if let Line::Format { version } = line
                && version != VERSION
            {
                return Err(corrupt(format!(
                    "format {version}; this version of the program reads format {VERSION}"
                )));
            }
            sound += text.len() as u64 + 1;
            count += 1;
            replay(line);
        }
    }
    Ok((count, sound))
}

fn take_lock(dir: &Path, wait: Duration) -> Result<File, SandboxError> {
    let path = dir.join(LOCK);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| SandboxError::io("open", &path, e))?;
    let mut waited = Duration::ZERO;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::WouldBlock) if waited < wait => {
                std::thread::sleep(LOCK_POLL);
                waited += LOCK_POLL;
            }
            Err(fs::TryLockError::WouldBlock) => {
                let owner = fs::read_to_string(dir.join(OWNER)).unwrap_or_else(|_| "unknown".to_owned());
                let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                return Err(SandboxError::Locked {
                    dir: dir.to_owned(),
                    owner: owner.trim().to_owned(),
                    waited_ms,
                });
            }
            Err(fs::TryLockError::Error(e)) => return Err(SandboxError::io("lock", &path, e)),
        }
    }
    // Beside the lock, not in it: some systems forbid reading a locked file.
    let owner = dir.join(OWNER);
    fs::write(&owner, std::process::id().to_string()).map_err(|e| SandboxError::io("write", &owner, e))?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::shelf::record;

    fn put(id: &str) -> Line {
        Line::Put { shelf: "s".into(), seq: 0, record: record(id, "{}") }
    }

    fn open(dir: &Path) -> Journal {
        Journal::open(dir, None, |_| {}).unwrap()
    }

    fn reopen(dir: &Path) -> Result<Vec<Line>, SandboxError> {
        let mut lines = Vec::new();
        Journal::open(dir, Some(Duration::ZERO), |line| lines.push(line)).map(|_| lines)
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path());
        journal.append(&put("a")).unwrap();
        journal.append(&put("b")).unwrap();
        drop(journal);
        assert_eq!(reopen(dir.path()).unwrap().len(), 3, "format, a, b");
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path());
        journal.append(&put("a")).unwrap();
        drop(journal);
        let path = dir.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [whole.as_slice(), b"{\"put\":{\"shelf\":\"s\",\"se"].concat()).unwrap();
        let mut journal = open(dir.path());
        assert_eq!(journal.lines(), 2);
        journal.append(&put("b")).unwrap();
        drop(journal);
        assert_eq!(reopen(dir.path()).unwrap().len(), 3, "format, a, b");
    }

    #[test]
    fn damage_elsewhere_is_an_error_that_names_the_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{\"format\":{\"version\":1}}\nnonsense\n").unwrap();
        assert!(matches!(reopen(dir.path()), Err(SandboxError::Corrupt { line: 2, .. })));
        fs::write(dir.path().join(FILE), "{\"format\":{\"version\":9}}\n").unwrap();
        assert!(reopen(dir.path()).unwrap_err().to_string().contains("format 9"));
    }

    #[test]
    fn a_second_process_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let _held = open(dir.path());
        let error = reopen(dir.path()).unwrap_err();
        assert!(
            matches!(&error, SandboxError::Locked { owner, .. } if *owner == std::process::id().to_string())
        );
    }

    #[test]
    fn a_rewrite_keeps_only_what_it_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path());
        journal.append(&put("a")).unwrap();
        journal.rewrite([put("b")].into_iter()).unwrap();
        journal.append(&put("c")).unwrap();
        drop(journal);
        assert_eq!(reopen(dir.path()).unwrap().len(), 3, "format, b, c");
    }
}
