//! The subjects that GitHub puts into the assertion of a job, and that a federated credential must name to the letter.
//!
//! Two forms are about. Since 2026-07-15 repositories that are made or renamed have numbers of owner and repository beside
//! the names, which nobody can take over with a name; older ones have names only, until somebody switches
//! (<https://docs.github.com/actions/reference/security/oidc>). Only the job itself knows which form it has, so both are shown.

/// The issuer of GitHub's assertions.
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A repository on GitHub, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repository {
    /// `OWNER/NAME`.
    pub name: Option<String>,
    /// The numbers of owner and repository; a job of GitHub Actions knows them.
    pub ids: Option<(String, String)>,
}

/// One subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which jobs have it.
    pub jobs: &'static str,
    /// With names only.
    pub by_name: String,
    /// With the numbers.
    pub by_id: String,
}

/// What to enter into a federated credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federation {
    /// Who issues the assertion.
    pub issuer: String,
    /// For whom.
    pub audience: String,
    /// What jobs of GitHub Actions say that they are.
    pub claims: Vec<Claim>,
    /// What is not known and has to be looked up.
    pub missing: Option<String>,
    /// Issuer and subject of the assertion that this very run presented.
    pub presented: Option<(String, String)>,
}

impl Federation {
    /// The subjects for an environment of this name.
    #[must_use]
    pub fn github(repository: &Repository, environment: &str, audience: &str) -> Self {
        let name = repository.name.as_deref().unwrap_or("OWNER/REPOSITORY");
        let (owner, short) = name.split_once('/').unwrap_or((name, "REPOSITORY"));
        let (owner_id, id) =
            repository.ids.as_ref().map_or(("OWNER_ID", "REPOSITORY_ID"), |(owner, id)| (owner, id));
        let claim = |jobs, rest: &str| Claim {
            jobs,
            by_name: format!("repo:{owner}/{short}:{rest}"),
            by_id: format!("repo:{owner}@{owner_id}/{short}@{id}:{rest}"),
        };
        let missing = match (&repository.name, &repository.ids) {
            (Some(_), Some(_)) => None,
            (Some(name), None) => {
                Some(format!("OWNER_ID and REPOSITORY_ID: gh api repos/{name} --jq '.owner.id, .id'"))
            }
            (None, _) => {
                Some("the repository: run this in its clone, or set GITHUB_REPOSITORY=OWNER/NAME".to_owned())
            }
        };
        Self {
            issuer: ISSUER.to_owned(),
            audience: audience.to_owned(),
            claims: vec![
                // A colon in a name would be another part of the subject; GitHub encodes it.
                claim(
                    "jobs with `environment:`",
                    &format!("environment:{}", environment.replace(':', "%3A")),
                ),
                claim("pull requests", "pull_request"),
                claim("pushes to main", "ref:refs/heads/main"),
            ],
            missing,
            presented: None,
        }
    }
}

impl Repository {
    /// The repository of a remote's address on github.com.
    #[must_use]
    pub fn of_remote(address: &str) -> Option<String> {
        let rest = ["https://github.com/", "ssh://git@github.com/", "git@github.com:"]
            .into_iter()
            .find_map(|start| address.trim().strip_prefix(start))
            // An address may carry a sign-in: only what follows the host counts.
            .or_else(|| {
                address.trim().strip_prefix("https://")?.split_once("@github.com/").map(|(_, rest)| rest)
            })?;
        let rest = rest.trim_end_matches('/');
        let name = rest.strip_suffix(".git").unwrap_or(rest);
        let (owner, short) = name.split_once('/')?;
        let plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        (plain(owner) && plain(short)).then(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_every_subject_are_there() {
        let known = Repository {
            name: Some("acme/detections".into()),
            ids: Some(("123456".into(), "456789".into())),
        };
        let found = Federation::github(&known, "prod", "api://AzureADTokenExchange");
        let all: Vec<(&str, &str)> =
            found.claims.iter().map(|claim| (claim.by_name.as_str(), claim.by_id.as_str())).collect();
        assert_eq!(
            all,
            [
                (
                    "repo:acme/detections:environment:prod",
                    "repo:acme@123456/detections@456789:environment:prod"
                ),
                ("repo:acme/detections:pull_request", "repo:acme@123456/detections@456789:pull_request"),
                (
                    "repo:acme/detections:ref:refs/heads/main",
                    "repo:acme@123456/detections@456789:ref:refs/heads/main"
                ),
            ]
        );
        assert_eq!(found.missing, None);
        let unknown = Federation::github(&Repository::default(), "a:b", "x");
        assert_eq!(unknown.claims[0].by_name, "repo:OWNER/REPOSITORY:environment:a%3Ab");
        assert_eq!(unknown.claims[0].by_id, "repo:OWNER@OWNER_ID/REPOSITORY@REPOSITORY_ID:environment:a%3Ab");
        assert!(unknown.missing.is_some());
    }

    #[test]
    fn remotes_of_github_name_a_repository() {
        for (address, expected) in [
            ("https://github.com/acme/detections.git", Some("acme/detections")),
            ("https://github.com/acme/detections", Some("acme/detections")),
            ("git@github.com:acme/detections.git\n", Some("acme/detections")),
            ("ssh://git@github.com/acme/detections/", Some("acme/detections")),
            ("https://user:canary@github.com/acme/detections", Some("acme/detections")),
            ("https://gitlab.com/acme/detections", None),
            ("https://github.com/acme", None),
            ("https://github.com/acme/x y", None),
            ("../detections", None),
        ] {
            assert_eq!(Repository::of_remote(address).as_deref(), expected, "{address}");
        }
    }
}
