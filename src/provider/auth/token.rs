//! Whose token it is. The signature is not checked: the service does that; we only refuse to act in a tenant that the
//! environment does not name.

use azure_core::base64;
use jiff::Timestamp;
use serde_json::Value;

use super::Presented;

/// Who we act as, as the token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The tenant (`tid`).
    pub tenant_id: String,
    /// The application (`appid`, or `azp` in newer tokens).
    pub app_id: Option<String>,
    /// The user or service principal (`oid`).
    pub object_id: Option<String>,
    /// The person's sign-in name; `None` for applications.
    pub user: Option<String>,
    /// What the token says that it may do: application permissions (`roles`) or delegated ones (`scp`). Tokens of Resource
    /// Manager say nothing; what they may do is decided by roles in Azure.
    pub permissions: Vec<String>,
    /// Which credential gave it, for people.
    pub credential: &'static str,
}

impl std::fmt::Display for Identity {
    /// `alice@contoso.com (Azure CLI)`, `application 1111… (client secret)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.user, &self.app_id, &self.object_id) {
            (Some(user), _, _) => f.write_str(user)?,
            (None, Some(app), _) => write!(f, "application {app}")?,
            (None, None, Some(object)) => write!(f, "principal {object}")?,
            (None, None, None) => f.write_str("an unnamed identity")?,
        }
        if self.credential.is_empty() { Ok(()) } else { write!(f, " ({})", self.credential) }
    }
}

/// A token of another tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the token belongs to tenant {found}, but the environment is tenant {wanted}")]
pub struct WrongTenant {
    /// Whose it is.
    pub found: String,
    /// Whose it should be.
    pub wanted: String,
}

impl WrongTenant {
    /// The next step.
    #[must_use]
    pub fn help(&self) -> String {
        format!(
            "use a credential of tenant {} (`az login --tenant {}`), or correct `tenant_id` in the environment file; nothing was sent",
            self.wanted, self.wanted
        )
    }
}

/// When a token ends, if it says so.
pub(super) fn expiry(token: &str) -> Option<Timestamp> {
    Timestamp::from_second(claims(token)?.get("exp")?.as_i64()?).ok()
}

/// Who an assertion says that it is, if it is a JWT that says so.
pub(super) fn presented(assertion: &str) -> Option<Presented> {
    let claims = claims(assertion)?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(crate::provider::http::clean);
    Some(Presented {
        issuer: claim("iss")?,
        subject: claim("sub")?,
        audience: claim("aud").unwrap_or_default(),
    })
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&base64::decode_url_safe(payload).ok()?).ok()
}

/// Reads the claims; `None` when the token is not a JWT or names no tenant.
pub(super) fn read(token: &str) -> Option<Identity> {
    let claims = claims(token)?;
    // Claims are printed in banners: they get no more trust than any other text from outside.
    let claim = |name: &str| {
        claims
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(crate::provider::http::clean)
    };
    Some(Identity {
        tenant_id: claim("tid")?,
        app_id: claim("appid").or_else(|| claim("azp")),
        object_id: claim("oid"),
        user: claim("upn").or_else(|| claim("preferred_username")).or_else(|| claim("unique_name")),
        permissions: permissions(&claims),
        credential: "",
    })
}

fn permissions(claims: &Value) -> Vec<String> {
    let roles = claims.get("roles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let roles = roles.iter().filter_map(Value::as_str);
    let scopes = claims.get("scp").and_then(Value::as_str).unwrap_or_default().split_whitespace();
    roles.chain(scopes).map(crate::provider::http::clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.sig", base64::encode_url_safe(claims).trim_end_matches('='))
    }

    #[test]
    fn reads_people_and_applications() {
        let person = read(&jwt(r#"{"tid":"T","oid":"O","appid":"A","upn":"alice@contoso.com"}"#)).unwrap();
        assert_eq!(person.to_string(), "alice@contoso.com");
        let app = Identity { credential: "client secret", ..read(&jwt(r#"{"tid":"T","azp":"A"}"#)).unwrap() };
        assert_eq!(
            (app.to_string().as_str(), app.tenant_id.as_str()),
            ("application A (client secret)", "T")
        );
    }

    #[test]
    fn what_names_no_tenant_is_nothing() {
        for token in
            ["", "opaque", "a.b.c", "e30.e30.e30", &jwt(r#"{"tid":""}"#), &jwt(r#"{"tid":7}"#), &jwt("[]")]
        {
            assert_eq!(read(token), None, "{token}");
        }
    }
}
