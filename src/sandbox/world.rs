//! The tenant: its rules, its clock, its switches, and how they are kept. [`super::answer`] answers requests from it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::SandboxError;
use super::clock::Clock;
use super::faults::Faults;
use super::journal::{Journal, Line};
use super::log::RequestLog;
use super::shelf::{Gone, Record, Shelf};
use super::switches::Switches;
use super::throttle::Throttle;
use super::token::Identity;

/// Fault orders in the state directory.
pub(crate) const FAULT_FILE: &str = "faults.json";

/// Everything the sandbox knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) identity: Identity,
    pub(crate) switches: Switches,
    pub(crate) faults: Faults,
    pub(crate) throttle: Throttle,
    pub(crate) log: RequestLog,
    /// By `sentinel:{subscription}/{group}/{workspace}` and `defender:{tenant}`, lower case.
    shelves: BTreeMap<String, Shelf>,
    clock: Clock,
    journal: Option<Journal>,
    /// Changes whenever a switch does: rendered rules of older stamps are stale.
    stamp: u64,
    etags: u64,
    /// Switches given by the program that started the sandbox; a reset returns to them.
    initial: Switches,
}

impl World {
    /// Starts a world, from what a state directory holds if one is given.
    pub(crate) fn open(
        dir: Option<&Path>,
        switches: Switches,
        clock: Clock,
        wait: Option<Duration>,
    ) -> Result<Self, SandboxError> {
        let mut world = Self {
            identity: Identity::generate(),
            switches: switches.clone(),
            faults: Faults::default(),
            throttle: Throttle::default(),
            shelves: BTreeMap::new(),
            clock,
            log: RequestLog::default(),
            journal: None,
            stamp: 0,
            etags: 0,
            initial: switches,
        };
        if let Some(dir) = dir {
            let journal = Journal::open(dir, wait, |line| world.replay(line))?;
            world.journal = Some(journal);
            world.tidy()?;
            world.read_fault_file(dir)?;
        }
        Ok(world)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms().saturating_add(self.switches.clock_skew_seconds.saturating_mul(1000))
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn stamp(&self) -> u64 {
        self.stamp
    }

    pub(crate) fn state_dir(&self) -> Option<&Path> {
        self.journal.as_ref().map(Journal::dir)
    }

    /// A new etag. Like the real ones it holds double quotes.
    pub(crate) fn new_etag(&mut self) -> String {
        self.etags += 1;
        let random = uuid::Uuid::new_v4().as_fields().0;
        format!("\"{random:08x}-0000-0100-0000-{:08x}0000\"", self.etags)
    }

    pub(crate) fn shelf(&self, key: &str) -> Option<&Shelf> {
        self.shelves.get(key)
    }

    pub(crate) fn shelves(&self) -> impl Iterator<Item = (&str, &Shelf)> {
        self.shelves.iter().map(|(key, shelf)| (key.as_str(), shelf))
    }

    /// The shelf, made if it is new; `true` when it was made now.
    pub(crate) fn open_shelf(&mut self, key: &str) -> Result<(&mut Shelf, bool), SandboxError> {
        let fresh = !self.shelves.contains_key(key);
        if fresh {
            self.persist(&Line::Shelf { shelf: key.to_owned() })?;
        }
        Ok((self.shelves.entry(key.to_owned()).or_default(), fresh))
    }

    /// Writes a rule; it is on disk when this returns.
    pub(crate) fn put(&mut self, key: &str, record: Record) -> Result<(), SandboxError> {
        let now = self.now_ms();
        let (shelf, _) = self.open_shelf(key)?;
        shelf.forget_gone(&record.id);
        let seq = shelf.put(record.clone(), now);
        self.persist(&Line::Put { shelf: key.to_owned(), seq, record })
    }

    /// Removes a rule, leaving `reads_left` reads in which it is still shown.
    pub(crate) fn remove(&mut self, key: &str, id: &str, reads_left: u64) -> Result<bool, SandboxError> {
        let now = self.now_ms();
        let Some(shelf) = self.shelves.get_mut(key) else { return Ok(false) };
        let Some(record) = shelf.remove(id, now) else { return Ok(false) };
        let gone = Gone { record: Record::clone(&record), deleted_ms: now, reads_left };
        shelf.bury(gone.clone());
        self.persist(&Line::Remove { shelf: key.to_owned(), id: record.id.clone(), gone: Some(gone) })?;
        Ok(true)
    }

    pub(crate) fn shelf_mut(&mut self, key: &str) -> Option<&mut Shelf> {
        self.shelves.get_mut(key)
    }

    /// Sets switches and remembers them.
    pub(crate) fn set_switches(&mut self, values: &[(String, String)]) -> Result<(), SandboxError> {
        let mut changed = self.switches.clone();
        for (name, value) in values {
            changed.set(name, value)?;
        }
        self.switches = changed;
        self.stamp += 1;
        self.persist(&self.switches_line())
    }

    /// Sets the skew without remembering it: a fault, not a setting.
    pub(crate) fn skew(&mut self, seconds: i64) {
        self.switches.clock_skew_seconds = seconds;
    }

    /// Back to an empty tenant, with the switches the sandbox was started with.
    pub(crate) fn reset(&mut self) -> Result<(), SandboxError> {
        self.shelves.clear();
        self.faults = Faults::default();
        self.throttle = Throttle::default();
        self.log.clear();
        self.switches = self.initial.clone();
        self.stamp += 1;
        self.store_faults()?;
        self.compact()
    }

    /// Keeps the orders in force for the next start; their counts begin again then.
    pub(crate) fn store_faults(&self) -> Result<(), SandboxError> {
        let Some(dir) = self.state_dir() else { return Ok(()) };
        let path = dir.join(FAULT_FILE);
        if self.faults.orders().is_empty() {
            return match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    Err(SandboxError::io("remove", &path, e))
                }
                _ => Ok(()),
            };
        }
        let mut orders = json!(self.faults.orders());
        for order in orders.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            order.shift_remove("seen");
            order.shift_remove("struck");
        }
        std::fs::write(&path, format!("{orders:#}\n")).map_err(|e| SandboxError::io("write", &path, e))
    }

    /// Rewrites the state file when too much of it is no longer live.
    pub(crate) fn tidy(&mut self) -> Result<(), SandboxError> {
        let live: usize = self.shelves.values().map(|shelf| 1 + shelf.len()).sum();
        let stored = self.journal.as_ref().map_or(0, Journal::lines);
        if stored > live + live / 4 + 64 { self.compact() } else { Ok(()) }
    }

    /// Rewrites the state file to what is live.
    fn compact(&mut self) -> Result<(), SandboxError> {
        let Some(mut journal) = self.journal.take() else { return Ok(()) };
        let done = journal.rewrite(self.live());
        self.journal = Some(journal);
        done
    }

    fn live(&self) -> impl Iterator<Item = Line> {
        // A day is the longest window anybody has reported for the id of a deleted rule.
        let since = self.now_ms().saturating_sub(86_400_000);
        let shelves = self.shelves.iter().flat_map(move |(key, shelf)| {
            let put = |(seq, record): (u64, &Arc<Record>)| Line::Put {
                shelf: key.clone(),
                seq,
                record: Record::clone(record),
            };
            let remove = |gone: &Gone| Line::Remove {
                shelf: key.clone(),
                id: gone.record.id.clone(),
                gone: Some(gone.clone()),
            };
            let recent = shelf.all_gone().filter(move |gone| gone.deleted_ms > since);
            std::iter::once(Line::Shelf { shelf: key.clone() })
                .chain(shelf.all().map(put))
                .chain(recent.map(remove))
        });
        std::iter::once(self.switches_line()).chain(shelves)
    }

    /// Lets go of the state directory.
    pub(crate) fn close(&mut self) {
        self.journal = None;
    }

    fn persist(&mut self, line: &Line) -> Result<(), SandboxError> {
        self.journal.as_mut().map_or(Ok(()), |journal| journal.append(line))
    }

    fn switches_line(&self) -> Line {
        let defaults = Switches::default().values();
        let changed =
            self.switches.values().into_iter().zip(defaults).filter(|(now, default)| now != default);
        let values: Map<String, Value> =
            changed.map(|((name, value), _)| (name.to_owned(), json!(value))).collect();
        Line::Switches { values }
    }

    fn replay(&mut self, line: Line) {
        match line {
            Line::Format { .. } => {}
            Line::Shelf { shelf } => {
                self.shelves.entry(shelf).or_default();
            }
            Line::Put { shelf, seq, record } => {
                let shelf = self.shelves.entry(shelf).or_default();
                shelf.forget_gone(&record.id);
                shelf.restore(seq, record);
            }
            Line::Remove { shelf, id, gone } => {
                let shelf = self.shelves.entry(shelf).or_default();
                shelf.remove(&id, 0);
                if let Some(gone) = gone {
                    shelf.bury(gone);
                }
            }
            Line::Switches { values } => {
                // What the starting program asks for goes before what was stored; a switch that no longer
                // exists is skipped, so that an older state directory stays usable.
                let defaults = Switches::default();
                let mut merged = defaults.clone();
                for (name, value) in &values {
                    let _ = merged.set(name, value.as_str().unwrap_or_default());
                }
                let asked = self.initial.values().into_iter().zip(defaults.values());
                for ((name, value), _) in asked.filter(|(asked, default)| asked != default) {
                    let _ = merged.set(name, &value);
                }
                self.switches = merged;
            }
        }
    }

    fn read_fault_file(&mut self, dir: &Path) -> Result<(), SandboxError> {
        let path = dir.join(FAULT_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(SandboxError::io("read", &path, e)),
        };
        let value: Value = serde_json::from_str(&text)
            .map_err(|e| SandboxError::Fault(format!("{} is not JSON: {e}", path.display())))?;
        self.faults.set(Faults::parse(&value)?);
        Ok(())
    }
}
