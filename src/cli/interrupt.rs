//! Ctrl-C and SIGTERM, for all environments of a command at once.
//!
//! The first one ends what can end: no further environment is begun, reads are given up, nobody waits for a quota any more,
//! and writes that are under way are finished. The second stops at once. Listening cannot be taken back, so it begins only
//! where there is something to finish: until then Ctrl-C ends the program as usual.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indicatif::ProgressBar;
use tokio::sync::watch;

use crate::apply::Urgency;
use crate::provider::Waits;

use super::failure::{Exit, Failure};

/// Whether and how urgently everything is to stop.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<State>);

#[derive(Debug)]
struct State {
    sender: watch::Sender<Urgency>,
    waits: Waits,
    /// What is being drawn on stderr.
    bar: Mutex<Option<ProgressBar>>,
    /// Somebody is being asked: there is nothing to finish.
    asking: Mutex<bool>,
    listening: OnceLock<()>,
}

impl Interrupt {
    /// Not listening yet. `waits` are those of every tenant.
    pub(crate) fn new(waits: Waits) -> Self {
        Self(Arc::new(State {
            sender: watch::Sender::new(Urgency::None),
            waits,
            bar: Mutex::default(),
            asking: Mutex::default(),
            listening: OnceLock::new(),
        }))
    }

    /// Answers signals from now on. Within a runtime, which must live as long as there is something to stop.
    pub(crate) fn listen(&self) -> Result<(), Failure> {
        if self.0.listening.get().is_some() {
            return Ok(());
        }
        let signals = Signals::listen().map_err(|error| {
            Failure::error("Ctrl-C could not be answered, so nothing was begun").caused_by(&error)
        })?;
        if self.0.listening.set(()).is_ok() {
            tokio::spawn(watch_signals(signals, self.clone()));
        }
        Ok(())
    }

    /// What tells when to stop.
    pub(crate) fn stop(&self) -> watch::Receiver<Urgency> {
        self.0.sender.subscribe()
    }

    /// Whether a signal came.
    pub(crate) fn is_raised(&self) -> bool {
        !matches!(*self.0.sender.borrow(), Urgency::None)
    }

    /// Does work that may be given up at any moment: reading.
    pub(crate) async fn or_give_up<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut stop = self.stop();
        tokio::select! {
            biased;
            _ = stop.wait_for(|urgency| !matches!(urgency, Urgency::None)) => Err(stopped()),
            done = work => done,
        }
    }

    /// Words of a signal's answer go around this bar.
    pub(crate) fn draw_around(&self, bar: Option<ProgressBar>) {
        *self.0.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    /// Asks a question: a signal now ends the program.
    pub(crate) fn while_asking<T>(&self, ask: impl FnOnce() -> T) -> T {
        let set = |asking| *self.0.asking.lock().unwrap_or_else(PoisonError::into_inner) = asking;
        set(true);
        let answer = ask();
        set(false);
        answer
    }

    fn say(&self, text: &str) {
        match &*self.0.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) if !bar.is_hidden() => bar.println(text),
            _ => {
                use std::io::Write as _;
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }
        }
    }
}

/// What became of an environment that was given up before anything was done to it.
fn stopped() -> Failure {
    Failure::with(Exit::Partial, "stopped before it was done; nothing was changed")
}

async fn watch_signals(mut signals: Signals, interrupt: Interrupt) {
    signals.next().await;
    if *interrupt.0.asking.lock().unwrap_or_else(PoisonError::into_inner) {
        interrupt.say("Stopped; nothing more is begun.");
        std::process::exit(Exit::Partial.code().into());
    }
    // Before it is said: whoever reads it may rely on it.
    interrupt.0.sender.send_replace(Urgency::Finish);
    interrupt.0.waits.give_up();
    interrupt.say("Stopping: what is under way is finished, nothing more is begun. Once more stops at once.");
    signals.next().await;
    interrupt.say("Stopping at once.");
    interrupt.0.sender.send_replace(Urgency::Now);
}

/// Ctrl-C and SIGTERM from the moment on when it is made; none is missed in between.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]))
    }

    async fn next(&mut self) {
        let Self([interrupt, terminate]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
