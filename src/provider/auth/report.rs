//! What was tried to get a token, what was not, and why: the report of a chain in which no credential worked.
//!
//! A report has one line for each credential: its name, whether it was asked, what happened, and the next step. Nothing
//! secret is in it: reasons are our own words, names of variables and paths, or the token service's description.

use azure_core::error::Error;

use super::WrongTenant;
use crate::provider::http::{self, Obstacle};

/// One credential that gave no token.
#[derive(Debug)]
pub struct Attempt {
    /// Its name, for people.
    pub credential: &'static str,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a credential that gave no token.
#[derive(Debug)]
pub enum Outcome {
    /// It is half configured: somebody meant it, and it cannot work.
    Broken(String),
    /// It was asked.
    Failed(Error),
    /// It was not, for this reason.
    NotTried(String),
}

impl Attempt {
    /// Whether somebody meant this one: it was asked, or could not be although it should.
    #[must_use]
    pub const fn was_meant(&self) -> bool {
        !matches!(self.outcome, Outcome::NotTried(_))
    }

    /// Why it gave no token; one line.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.outcome {
            Outcome::Broken(why) => why.clone(),
            Outcome::NotTried(why) => format!("not tried: {why}"),
            Outcome::Failed(error) if http::is_network(error) => unreached(error),
            Outcome::Failed(error) => essence(error),
        }
    }

    /// The next step, when the reason has one of its own.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        let error = self.failure()?;
        let wrong = error.downcast_ref::<WrongTenant>().map(WrongTenant::help);
        wrong.or_else(|| http::hint(error).map(str::to_owned))
    }

    pub(super) fn again(&self) -> Option<Self> {
        let outcome = match &self.outcome {
            Outcome::Broken(why) => Outcome::Broken(why.clone()),
            Outcome::NotTried(why) => Outcome::NotTried(why.clone()),
            Outcome::Failed(_) => return None,
        };
        Some(Self { credential: self.credential, outcome })
    }

    fn failure(&self) -> Option<&Error> {
        match &self.outcome {
            Outcome::Failed(error) => Some(error),
            Outcome::Broken(_) | Outcome::NotTried(_) => None,
        }
    }
}

/// No credential gave a token: what was tried and why each failed.
#[derive(Debug)]
pub struct CredentialError {
    pub(super) attempts: Vec<Attempt>,
}

impl CredentialError {
    /// Every credential in the order in which it would be asked, those that were meant first.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        let (meant, not): (Vec<_>, Vec<_>) = self.attempts.iter().partition(|attempt| attempt.was_meant());
        meant.into_iter().chain(not)
    }

    pub(in crate::provider) fn first_failure(&self) -> Option<&Error> {
        self.attempts.iter().find_map(Attempt::failure)
    }

    pub(in crate::provider) fn wrong_tenant(&self) -> Option<&WrongTenant> {
        self.attempts
            .iter()
            .filter_map(Attempt::failure)
            .find_map(|error| error.downcast_ref::<WrongTenant>())
    }

    /// The next step when none of the attempts has one of its own.
    pub(in crate::provider) fn help(&self) -> &'static str {
        if self.attempts.iter().any(|attempt| matches!(attempt.outcome, Outcome::Broken(_))) {
            return "set what is missing, or unset what is there; `--credential NAME` asks exactly one, and `palisade doctor` looks at the whole way";
        }
        "sign in with `az login --tenant <tenant_id>`, or set AZURE_CLIENT_ID with AZURE_FEDERATED_TOKEN_FILE, a pipeline's OIDC, AZURE_CLIENT_CERTIFICATE_PATH or AZURE_CLIENT_SECRET; `--credential NAME` asks exactly one"
    }
}

impl std::fmt::Display for CredentialError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no credential gave a token")?;
        for (number, attempt) in self.attempts().filter(|attempt| attempt.was_meant()).enumerate() {
            write!(
                f,
                "{} {}: {}",
                if number == 0 { ":" } else { ";" },
                attempt.credential,
                attempt.reason()
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for CredentialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // What the SDK wraps around it are phrases; the words are in the report already.
        self.first_failure().and_then(std::error::Error::source)
    }
}

/// Which host could not be reached, and what stood in the way.
fn unreached(error: &Error) -> String {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut host = None;
    while let Some(cause) = next {
        let url = cause.downcast_ref::<reqwest::Error>().and_then(reqwest::Error::url);
        host = host.or_else(|| url.and_then(|url| url.host_str()));
        next = cause.source();
    }
    let at = host.map_or_else(|| "no connection: ".to_owned(), |host| format!("cannot reach {host}: "));
    match Obstacle::of(error) {
        // The system says no more than the summary does.
        Some(obstacle @ (Obstacle::Refused | Obstacle::NoRoute)) => format!("{at}{}", obstacle.summary()),
        Some(obstacle) => format!("{at}{} ({})", obstacle.summary(), essence(error)),
        None => format!("{at}{}", essence(error)),
    }
}

/// The innermost cause that has words: the SDK wraps it into phrases and links to its own guide.
fn essence(error: &Error) -> String {
    let mut words = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if !text.trim().is_empty() {
            words = text;
        }
        next = cause.source();
    }
    let words = words.split(" Trace ID:").next().unwrap_or_default();
    let words: String = words.chars().take(300).collect();
    http::clean(words.trim_end_matches('.'))
}
