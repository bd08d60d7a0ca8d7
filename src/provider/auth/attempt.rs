//! Credentials that gave no token: which were asked, which were not, and why.

use super::token::WrongTenant;

/// One credential that gave no token.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) credential: &'static str,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    /// It was asked.
    Failed(azure_core::Error),
    /// It was not, for this reason.
    NotTried(String),
}

impl Attempt {
    pub(super) fn again(&self) -> Option<Self> {
        match &self.outcome {
            Outcome::NotTried(why) => {
                Some(Self { credential: self.credential, outcome: Outcome::NotTried(why.clone()) })
            }
            Outcome::Failed(_) => None,
        }
    }
}

/// No credential gave a token: what was tried and why each failed.
#[derive(Debug)]
pub struct CredentialError {
    pub(super) attempts: Vec<Attempt>,
}

impl CredentialError {
    pub(in crate::provider) fn first_failure(&self) -> Option<&azure_core::Error> {
        self.attempts.iter().find_map(|attempt| match &attempt.outcome {
            Outcome::Failed(error) => Some(error),
            Outcome::NotTried(_) => None,
        })
    }

    pub(in crate::provider) fn wrong_tenant(&self) -> Option<&WrongTenant> {
        self.attempts.iter().find_map(|attempt| match &attempt.outcome {
            Outcome::Failed(error) => error.downcast_ref::<WrongTenant>(),
            Outcome::NotTried(_) => None,
        })
    }

    pub(in crate::provider) fn help(&self) -> String {
        let person = "sign in with `az login --tenant <tenant_id>`";
        let pipeline = "or set AZURE_CLIENT_ID with AZURE_FEDERATED_TOKEN_FILE, a pipeline's OIDC or AZURE_CLIENT_SECRET";
        format!("{person}, {pipeline}; `--credential NAME` forces one and tells more")
    }
}

impl std::fmt::Display for CredentialError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no credential gave a token: ")?;
        for (index, attempt) in self.attempts.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            match &attempt.outcome {
                Outcome::Failed(error) => write!(f, "{} failed: {}", attempt.credential, essence(error))?,
                Outcome::NotTried(why) => write!(f, "{} not tried: {why}", attempt.credential)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for CredentialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // What the SDK wraps around it are phrases; the words are in our own message already.
        self.first_failure().and_then(std::error::Error::source)
    }
}

/// The innermost cause that has words: the SDK wraps it into phrases and links to its own guide.
fn essence(error: &azure_core::Error) -> String {
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
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
