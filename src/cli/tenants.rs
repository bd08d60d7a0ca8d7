//! Several environments in one command: what they share, and how they are worked off.
//!
//! All share one runtime, one HTTP client, one embedded sandbox, one memory of what queries mean, and one answer to Ctrl-C;
//! each tenant has its own quotas (`provider::Common`). With `--tenant-parallelism` several are under way at once, shared out
//! among as many threads as there are cores: more would only push each other's rules out of the caches. A command that only
//! reads counts those that are asked ([`Tenants::list`]), and compiles further ones meanwhile. What they say is recorded and repeated in the order of
//! the environments: a report never depends on who was faster. What an environment read is dropped before its result is
//! handed over, so memory does not grow with the number of tenants.
//!
//! Start with [`Tenants::each`].

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use futures::stream::{self, StreamExt as _};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;

use crate::compile::Desired;
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::environment::Environment;
use crate::parallel::STACK;
use crate::plan::TargetState;
use crate::render::safe;
use crate::verify::Verifier;

use super::connection::{Connection, Network};
use super::failure::{Exit, Failure};
use super::interrupt::Interrupt;
use super::planning::warn;
use super::repository::{Opened, show};
use super::selection::list;
use super::settings::Settings;
use super::ui::Ui;

/// How many environments are under way at once.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct TenantArgs {
    /// How many environments are under way at once; output stays in their order
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) tenant_parallelism: u16,
}

impl Default for TenantArgs {
    fn default() -> Self {
        Self { tenant_parallelism: 1 }
    }
}

/// The environments of one command.
pub(crate) struct Tenants<'a> {
    pub(crate) opened: &'a Opened,
    pub(crate) settings: &'a Settings,
    pub(crate) network: Network,
    pub(crate) interrupt: Interrupt,
    /// Whether there are several: then findings are shown once for all of them, at the end.
    pub(crate) several: bool,
    today: Date,
    parallel: usize,
    /// How many are in work at once: asked, or compiled meanwhile.
    under_way: usize,
    /// One for each environment that may be asked at a time.
    turns: tokio::sync::Semaphore,
    runtime: tokio::runtime::Runtime,
}

/// Whether to begin further environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Yes.
    GoOn,
    /// No; those under way are finished.
    Halt,
}

impl<'a> Tenants<'a> {
    /// For `count` environments of a repository.
    pub(crate) fn new(
        opened: &'a Opened,
        settings: &'a Settings,
        args: TenantArgs,
        count: usize,
    ) -> Result<Self, Failure> {
        let network = Network::default();
        let today = settings.today()?;
        let parallel = usize::from(args.tenant_parallelism).min(count.max(1));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::error(format!("the runtime could not be started: {error}")))?;
        Ok(Self {
            opened,
            settings,
            interrupt: Interrupt::new(network.waits()),
            network,
            several: count > 1,
            today,
            parallel,
            under_way: parallel,
            turns: tokio::sync::Semaphore::new(parallel),
            runtime,
        })
    }

    /// For a command that only reads: while as many environments as may be are asked, the cores compile the next ones.
    pub(crate) fn compiling_ahead(self) -> Self {
        let ahead = if self.are_parallel() { cores() } else { 0 };
        Self { under_way: self.parallel + ahead, ..self }
    }

    /// What is at an environment's targets, as soon as another environment may be asked.
    pub(crate) async fn list(&self, connection: &Connection) -> Result<Vec<TargetState>, Failure> {
        // Nobody closes it.
        let _turn = self.turns.acquire().await.ok();
        if self.are_parallel() { connection.list_apart().await } else { connection.list().await }
    }

    /// Whether more than one is under way at once: nobody can be asked then.
    pub(crate) const fn are_parallel(&self) -> bool {
        self.parallel > 1
    }

    /// Works environments off and hands every result over, in order, whatever became of the others. Gives back those that
    /// were not begun: after a signal, or when `took` says so.
    pub(crate) fn each<T: Send>(
        &self,
        environments: &[&'a Environment],
        ui: &Ui,
        work: impl AsyncFn(&'a Environment, &Ui) -> Result<T, Failure> + Sync,
        mut took: impl FnMut(&'a Environment, Result<T, Failure>) -> Next,
    ) -> Vec<&'a Environment> {
        let (next, halt) = (AtomicUsize::new(0), AtomicBool::new(false));
        let begin = || {
            let goes_on = !halt.load(Ordering::SeqCst) && !self.interrupt.is_raised();
            // A number that was taken is always worked off, so those that were not are at the end.
            let at = goes_on.then(|| next.fetch_add(1, Ordering::SeqCst))?;
            environments.get(at).map(|environment| (at, *environment))
        };
        let mut took = |environment, result| {
            if took(environment, result) == Next::Halt {
                halt.store(true, Ordering::SeqCst);
            }
        };
        if self.parallel == 1 {
            while let Some((_, environment)) = begin() {
                took(environment, self.runtime.block_on(work(environment, ui)));
            }
        } else {
            let bar = bar(environments.len(), ui);
            std::thread::scope(|scope| {
                let (sender, receiver) = mpsc::channel();
                let threads = cores().min(self.under_way);
                for thread in 0..threads {
                    let (sender, begin, work) = (sender.clone(), &begin, &work);
                    let share = self.under_way / threads + usize::from(thread < self.under_way % threads);
                    let worker = move || {
                        let one = async |(at, environment)| {
                            let own = ui.recording();
                            let result = work(environment, &own).await;
                            let _ = sender.send((at, environment, own, result));
                        };
                        let all = stream::iter(std::iter::from_fn(begin)).for_each_concurrent(share, one);
                        self.runtime.block_on(all);
                    };
                    // Should the system give no thread, what is left over is told as not begun.
                    let _ = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker);
                }
                drop(sender);
                let (mut waiting, mut turn) = (BTreeMap::new(), 0);
                for (at, environment, own, result) in receiver {
                    bar.inc(1);
                    waiting.insert(at, (environment, own, result));
                    while let Some((environment, own, result)) = waiting.remove(&turn) {
                        bar.suspend(|| {
                            ui.repeat(own);
                            took(environment, result);
                        });
                        turn += 1;
                    }
                }
            });
            bar.finish_and_clear();
        }
        environments.get(next.into_inner()..).unwrap_or_default().to_vec()
    }

    /// Runs something that is not one environment's.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Compiles an environment for deployment: attacks that must alert do, or it fails. Findings that stop it are shown, or
    /// given back in the failure where there are several environments.
    pub(crate) fn compile(
        &self,
        environment: &'a Environment,
        ui: &Ui,
    ) -> Result<(Desired, Diagnostics), Failure> {
        let opened = self.opened;
        let (desired, mut findings) = opened.compiled(environment, self.today);
        if !findings.has_errors() {
            // One for each environment: what it remembers cannot go from thread to thread, but for what attacks came to.
            let verifier = Verifier::new(&opened.repository, &opened.analyses, self.today);
            let broken = verifier.among(&opened.attacks).promises(environment, &desired);
            if broken.has_errors() {
                findings = broken;
            }
        }
        findings.settle(&opened.repository.sources);
        if !findings.has_errors() {
            return Ok((desired, findings));
        }
        let failure = Failure::diagnosed(Exit::Error);
        if self.several {
            return Err(failure.found(findings));
        }
        show(&findings, &opened.repository, ui);
        Err(failure)
    }

    /// Says why one environment failed; of several, which one it was. Findings about files are shown with those of the others.
    pub(crate) fn failed(&self, environment: &Environment, failure: &Failure, ui: &Ui) {
        if !self.several || failure.message.is_empty() {
            return ui.failure(failure);
        }
        let named = format!("{}: {}", safe::line(&environment.name), failure.message);
        ui.failure(&Failure { message: named, ..failure.without_findings() });
    }

    /// Lets go of what the environments shared.
    pub(crate) fn close(self) -> Result<(), Failure> {
        self.runtime.block_on(self.network.close())
    }
}

/// What is wrong with the files of several environments, each finding once. Remarks are for `validate`.
pub(crate) fn show_findings(findings: &Diagnostics, opened: &Opened, ui: &Ui) {
    let (errors, others): (Vec<_>, Vec<_>) =
        findings.iter().cloned().partition(|finding| finding.severity == Severity::Error);
    warn(opened, &others.into_iter().collect(), ui);
    if !errors.is_empty() {
        show(&errors.into_iter().collect(), &opened.repository, ui);
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// How far several environments are, on a terminal.
fn bar(count: usize, ui: &Ui) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    bar.set_draw_target(if ui.animated {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    });
    if let Ok(style) = ProgressStyle::with_template("  {bar:30} {pos}/{len} environments  {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// What became of many environments, in one line: `300 environments: 12 with changes, 3 failed (a, b, c).`
#[derive(Debug, Default)]
pub(crate) struct Tally<'a> {
    counts: Vec<(&'static str, usize)>,
    failed: Vec<&'a str>,
    not_begun: Vec<&'a str>,
}

impl<'a> Tally<'a> {
    /// One more that came out like this.
    pub(crate) fn count(&mut self, what: &'static str) {
        match self.counts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((what, 1)),
        }
    }

    /// One more that failed.
    pub(crate) fn failed(&mut self, environment: &'a Environment) {
        self.failed.push(&environment.name);
    }

    /// These were not begun.
    pub(crate) fn not_begun(&mut self, rest: &[&'a Environment]) {
        self.not_begun.extend(rest.iter().map(|one| one.name.as_str()));
    }

    fn all(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum::<usize>() + self.failed.len() + self.not_begun.len()
    }

    /// Whether there is anything to sum up.
    pub(crate) fn is_of_several(&self) -> bool {
        self.all() > 1
    }

    /// Says it, where there were several.
    pub(crate) fn say(&self, ui: &Ui) {
        if !self.is_of_several() {
            return;
        }
        let all = self.all();
        let mut parts: Vec<String> =
            self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        if !self.failed.is_empty() {
            parts.push(format!("{} failed ({})", self.failed.len(), list(self.failed.iter().copied())));
        }
        if !self.not_begun.is_empty() {
            let names = list(self.not_begun.iter().copied());
            parts.push(format!("{} not begun ({names})", self.not_begun.len()));
        }
        ui.say(&ui.err.strong(&format!("{all} environments: {}.", parts.join(", "))));
    }
}
