//! Signing in, and what happens without.

use super::*;

#[tokio::test]
async fn tokens_are_issued_and_refused_as_entra_does() {
    let tenant = Tenant::with(|s| s.token_known_tenants = vec![TENANT.into()]).await;
    let good = tenant.token(&[]).await;
    assert_eq!(good.body["token_type"], "Bearer");
    assert_eq!(good.body["expires_in"], 3599);
    assert_eq!(good.body["access_token"].as_str().unwrap().split('.').count(), 3);

    for (changed, status, error, code) in [
        (("client_secret", "wrong"), 401, "invalid_client", 7_000_215),
        (("client_id", "00000000-0000-0000-0000-000000000000"), 400, "unauthorized_client", 700_016),
        (("grant_type", "password"), 400, "unsupported_grant_type", 70_003),
        (("scope", "https://vault.azure.net/.default"), 400, "invalid_resource", 500_011),
        (("scope", ""), 400, "invalid_request", 900_144),
        (("client_secret", ""), 401, "invalid_client", 7_000_218),
    ] {
        let answer = tenant.token(&[changed]).await;
        assert_eq!((answer.status, answer.body["error"].as_str().unwrap()), (status, error), "{changed:?}");
        assert_eq!(answer.body["error_codes"], json!([code]));
        assert!(answer.body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")));
        for name in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
            assert!(answer.body[name].is_string(), "{name}");
        }
    }
    let url = format!("{}/another-tenant/oauth2/v2.0/token", tenant.running.authority());
    let answer =
        read(tenant.http.post(url).body("grant_type=client_credentials").send().await.unwrap()).await;
    assert_eq!(answer.body["error_codes"], json!([90_002]));
}

#[tokio::test]
async fn a_federated_token_signs_in_when_its_subject_is_known() {
    let tenant =
        Tenant::with(|s| s.token_federated_subjects = vec!["repo:acme/detections:environment:prod".into()])
            .await;
    let assertion = async || {
        let url = format!(
            "{}/_oidc/token?api-version=2.0&audience=api://AzureADTokenExchange",
            tenant.running.authority()
        );
        let answer = read(tenant.http.get(url).bearer_auth("request-token").send().await.unwrap()).await;
        answer.body["value"].as_str().unwrap().to_owned()
    };
    let exchange = async |assertion: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        tenant
            .token(&[("client_secret", ""), ("client_assertion", assertion), ("client_assertion_type", kind)])
            .await
    };
    let refused = exchange(&assertion().await).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body["error_description"].as_str().unwrap().starts_with(
        "AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:acme/detections:ref:refs/heads/main'."
    ));
    tenant.switch("oidc_subject", "repo:acme/detections:environment:prod");
    assert_eq!(exchange(&assertion().await).await.status, 200);
    assert_eq!(exchange("not.a.token").await.body["error_codes"], json!([50_027]));
}

/// Whoever has the certificate but not its key is refused: the thumbprint is public.
#[tokio::test]
async fn an_assertion_with_a_foreign_signature_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use sha2::Digest as _;

    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap().self_signed(&key).unwrap();
    let tenant = Tenant::with(|s| s.token_certificates = vec![STANDARD.encode(certificate.der())]).await;
    let client = tenant.running.client_id().to_owned();
    let thumbprint = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(certificate.der()));
    let endpoint = format!("{}/{TENANT}/oauth2/v2.0/token", tenant.running.authority());
    let exchange = async |thumbprint: &str, subject: &str, audience: &str, exp: i64| {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let assertion = format!(
            "{}.{}.{}",
            part(json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})),
            part(json!({"iss": subject, "sub": subject, "aud": audience, "exp": exp})),
            URL_SAFE_NO_PAD.encode([7; 256])
        );
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let fields = [
            ("client_secret", ""),
            ("client_assertion", assertion.as_str()),
            ("client_assertion_type", kind),
        ];
        tenant.token(&fields).await.body["error_codes"][0].as_u64().unwrap()
    };
    let later = jiff::Timestamp::now().as_second() + 600;
    assert_eq!(exchange(&thumbprint, &client, &endpoint, later).await, 700_027);
    assert_eq!(exchange("AAAA", &client, &endpoint, later).await, 700_027);
    assert_eq!(exchange(&thumbprint, "somebody", &endpoint, later).await, 700_021);
    assert_eq!(exchange(&thumbprint, &client, "https://elsewhere", later).await, 50_012);
    assert_eq!(exchange(&thumbprint, &client, &endpoint, later - 1_200).await, 700_024);
}

#[tokio::test]
async fn a_call_without_a_good_token_is_refused_with_a_challenge() {
    let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
    let tenant = Tenant::from(Options { clock: clock.clone(), ..Options::default() }).await;
    let (arm, graph) = (
        format!("{}{RULES}?{PREVIEW}", tenant.running.arm()),
        format!("{}{DETECTIONS}", tenant.running.graph()),
    );
    let ask = async |url: &String, token: &str| {
        read(tenant.send(Method::GET, url.clone(), token, &Value::Null, &[]).await.unwrap()).await
    };
    assert_eq!(ask(&arm, "").await.code(), "AuthenticationFailed");
    let invalid = ask(&arm, "a.b.c").await;
    like_example(&invalid, "arm-401");
    assert!(invalid.header("www-authenticate").starts_with("Bearer authorization_uri="));
    assert_eq!(ask(&arm, &tenant.graph).await.code(), "InvalidAuthenticationTokenAudience");
    assert_eq!(ask(&graph, &tenant.arm).await.code(), "InvalidAuthenticationToken");
    assert_eq!(ask(&arm, &tenant.arm).await.status, 200);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(ask(&arm, &tenant.arm).await.code(), "ExpiredAuthenticationToken");
    assert_eq!(ask(&graph, &tenant.graph).await.status, 401);
}

#[tokio::test]
async fn a_reader_may_read_and_a_token_of_another_tenant_may_nothing() {
    let tenant = Tenant::start().await;
    tenant.switch("arm_role", "reader");
    tenant.switch("graph_role", "read");
    assert_eq!(tenant.get_rule("BuiltInFusion").await.status, 200);
    let refused = tenant.put_rule("r-1", &scheduled("x")).await;
    assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"));
    assert!(refused.message().contains("does not have authorization to perform action 'Microsoft.SecurityInsights/alertRules/write' over scope '/subscriptions/s-1/"));
    assert_eq!(tenant.post(&detection("a")).await.status, 403);
    tenant.switch("arm_subscription_tenant", "99999999-0000-0000-0000-000000000000");
    assert_eq!(tenant.get_rule("BuiltInFusion").await.code(), "InvalidAuthenticationTokenTenant");
}

#[tokio::test]
async fn the_azure_sdk_signs_in() {
    use std::sync::Arc;

    use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
    use azure_core::credentials::{Secret, TokenCredential};
    use azure_core::http::{ClientOptions, Transport};
    use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

    let tenant = Tenant::start().await;
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = tenant.running.authority();
    let client_options = ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        transport: Some(Transport::new(Arc::new(tenant.http.clone()))),
        ..ClientOptions::default()
    };
    let credential = ClientSecretCredential::new(
        TENANT,
        tenant.running.client_id().to_owned(),
        Secret::new(tenant.running.client_secret().to_owned()),
        Some(ClientSecretCredentialOptions { client_options }),
    )
    .unwrap();
    let scope = format!("{}/.default", tenant.running.graph());
    let token = credential.get_token(&[&scope], None).await.unwrap();
    let url = format!("{}{DETECTIONS}", tenant.running.graph());
    let answer = tenant.send(Method::GET, url, token.token.secret(), &Value::Null, &[]).await.unwrap();
    assert_eq!(answer.status(), 200);
}
