//! Files that variables name: federated tokens and certificates.
//!
//! The provider touches no file itself ([`Files`] is given to it). A federated token is read at each exchange, because
//! whoever writes it renews it every few minutes (CONTRACT C.3).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use jiff::Timestamp;

use super::token;

/// Reads files of the machine.
pub trait Files: std::fmt::Debug + Send + Sync {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Those of the file system.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
}

/// There are no files: for connections that need none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// The assertion in `AZURE_FEDERATED_TOKEN_FILE`.
#[derive(Debug)]
pub(super) struct FileAssertion {
    pub(super) files: Arc<dyn Files>,
    pub(super) path: PathBuf,
}

#[async_trait]
impl ClientAssertion for FileAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        read(self.files.as_ref(), &self.path, Timestamp::now())
            .map_err(|why| Error::with_message(ErrorKind::Credential, why))
    }
}

/// The assertion in a file, if it can still be exchanged at `now`. The token service would refuse an old one too, but
/// after a try and without saying which file.
fn read(files: &dyn Files, path: &Path, now: Timestamp) -> Result<String, String> {
    let named = format!("AZURE_FEDERATED_TOKEN_FILE names `{}`, which", path.display());
    let bytes = files.read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("{named} is not there: the step that writes the token has to run first")
        }
        _ => format!("{named} cannot be read: {error}"),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{named} holds something else than a token"))?;
    let assertion = text.trim();
    if assertion.is_empty() {
        return Err(format!("{named} is empty: the step that writes the token failed, or was given none"));
    }
    if let Some(expired) = token::expiry(assertion).filter(|end| *end <= now) {
        return Err(format!(
            "{named} holds an assertion that expired at {expired}, {} ago by the clock of this machine: write a new one right before the run (they live for minutes)",
            ago(now.as_second() - expired.as_second())
        ));
    }
    Ok(assertion.to_owned())
}

fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::base64;

    #[derive(Debug)]
    struct One(&'static str, Vec<u8>);

    impl Files for One {
        fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
            if path == Path::new(self.0) { Ok(self.1.clone()) } else { NoFiles.read(path) }
        }
    }

    fn jwt(claims: &str) -> String {
        format!("e30.{}.sig", base64::encode_url_safe(claims).trim_end_matches('='))
    }

    #[test]
    fn a_token_file_is_used_only_when_it_holds_a_token_that_can_still_be_exchanged() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let exp = |seconds: i64| jwt(&format!(r#"{{"sub":"s","exp":{}}}"#, now.as_second() + seconds));
        for (content, expected) in [
            (format!(" {}\n", exp(60)), Ok(exp(60))),
            (jwt("{}"), Ok(jwt("{}"))),
            ("opaque".to_owned(), Ok("opaque".to_owned())),
            (exp(0), Err("expired at 2026-11-23T08:00:00Z, 0 s ago")),
            (exp(-600), Err("expired at 2026-11-23T07:50:00Z, 10 minutes ago")),
            (exp(-7_200), Err("2 hours ago")),
            (exp(-864_000), Err("10 days ago")),
            ("\n".to_owned(), Err("is empty")),
        ] {
            let found = read(&One("t", content.clone().into_bytes()), Path::new("t"), now);
            match expected {
                Ok(text) => assert_eq!(found, Ok(text)),
                Err(words) => {
                    let said = found.unwrap_err();
                    assert!(said.contains(words) && said.contains("`t`"), "{said}");
                    assert!(!said.contains("e30."), "{said}");
                }
            }
        }
        assert!(
            read(&NoFiles, Path::new("/run/t"), now).unwrap_err().contains("`/run/t`, which is not there")
        );
        assert!(read(&One("t", vec![0xff]), Path::new("t"), now).is_err());
    }
}
