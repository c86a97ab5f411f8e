//! What a client may not say of itself: who it is, where it comes from, which address it asked for.
//!
//! Proxies in front say that, and only those that are trusted, in the fields of `site.identity_headers`. The usual words
//! are known here by their beginnings, so that `Remote-Email` goes where `Remote-User` goes. What JupyterHub and
//! JupyterLab use themselves (`X-XSRFToken`, `X-Requested-With`, `X-JupyterHub-...`) is none of them.

use http::{HeaderMap, HeaderName};
use hubrouter_config::Config;

use super::peer::Peer;

/// Claims that stand alone.
const NAMES: &[&str] = &[
    "forwarded",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-user",
    "x-username",
    "x-userinfo",
];

/// Beginnings of claims, by their first letter; most fields of a request have another one, or are compared with a few.
fn beginnings(first: u8) -> &'static [&'static str] {
    match first {
        // Cloudflare Access; the certificate of the client (RFC 9440 2.4: to be removed from what clients send).
        b'c' => &["cf-access-", "client-cert"],
        // mod_auth_openidc.
        b'o' => &["oidc-"],
        // REMOTE_USER and its kin: Apache, Authelia.
        b'r' => &["remote-"],
        // Shibboleth; certificates of clients, by nginx and Apache.
        b's' => &["shib-", "ssl-client-"],
        b't' => &["tailscale-user-"],
        b'x' => &[
            // Replaced where the router says it itself; the rest is an address or an identity (oauth2-proxy).
            "x-forwarded-",
            "x-auth-request-",
            // Kubernetes and many others.
            "x-remote-",
            "x-webauth-",
            "x-authentik-",
            "x-authelia-",
            // Kong.
            "x-authenticated-",
            "x-consumer-",
            "x-credential-",
            "x-pomerium-",
            "x-vouch-",
            "x-shib-",
            "x-ssl-client-",
            "x-client-cert",
            // The doors of the large clouds: Azure, Google, Amazon.
            "x-ms-client-principal",
            "x-ms-token-",
            "x-goog-authenticated-user-",
            "x-goog-iap-",
            "x-amzn-oidc-",
            // Meant for this router.
            "x-hubrouter-",
        ],
        _ => &[],
    }
}

/// Whether a field, by its name in lower case, says something that a stranger may not say.
fn is_claim(name: &str) -> bool {
    // Servers behind CGI-like interfaces take `_` for `-`.
    let starts = |beginning: &&str| name.starts_with(*beginning);
    name.contains('_')
        || name.bytes().next().is_some_and(|first| beginnings(first).iter().any(starts))
        || NAMES.contains(&name)
}

/// Removes what the client claims, but for the configured fields of a trusted peer.
pub fn remove(headers: &mut HeaderMap, peer: &Peer, config: &Config) {
    let configured = &config.site.identity_headers;
    let allowed = |name: &str| {
        peer.trusted && configured.iter().any(|configured| configured.eq_ignore_ascii_case(name))
    };
    let claims: Vec<HeaderName> =
        headers.keys().filter(|name| is_claim(name.as_str()) && !allowed(name.as_str())).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
    if !peer.trusted {
        for name in configured {
            headers.remove(name.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_usual_doors_call_a_person_is_a_claim() {
        for name in [
            "remote-user",
            "remote-email",
            "remote-groups",
            "remote_user",
            "x-remote-user",
            "x-remote-group",
            "x-remote-extra-scopes",
            "x-forwarded-user",
            "x-forwarded-email",
            "x-forwarded-roles",
            "x-forwarded-preferred-username",
            "x-forwarded-access-token",
            "x-forwarded-client-cert",
            "x-auth-request-user",
            "x-auth-request-access-token",
            "x-webauth-user",
            "x-webauth-email",
            "x-authentik-username",
            "x-authentik-groups",
            "x-authenticated-userid",
            "x-consumer-username",
            "x-pomerium-jwt-assertion",
            "x-vouch-user",
            "x-ms-client-principal",
            "x-ms-client-principal-name",
            "x-ms-token-aad-id-token",
            "x-goog-authenticated-user-email",
            "x-goog-iap-jwt-assertion",
            "x-amzn-oidc-identity",
            "cf-access-authenticated-user-email",
            "cf-access-jwt-assertion",
            "tailscale-user-login",
            "client-cert",
            "client-cert-chain",
            "ssl-client-cert",
            "x-ssl-client-s-dn",
            "shib-identity-provider",
            "oidc-claim-sub",
            "x-user",
            "x-userinfo",
        ] {
            assert!(is_claim(name), "{name}");
        }
    }

    #[test]
    fn what_browsers_hubs_and_notebooks_need_is_no_claim() {
        for name in [
            "host",
            "cookie",
            "authorization",
            "accept",
            "cache-control",
            "content-type",
            "content-length",
            "origin",
            "range",
            "referer",
            "sec-fetch-site",
            "sec-websocket-key",
            "service-worker",
            "te",
            "traceparent",
            "tracestate",
            "user-agent",
            "x-csrftoken",
            "x-jupyterhub-version",
            "x-jupyter-something",
            "x-requested-with",
            "x-request-id",
            "x-user-agent",
            "x-xsrftoken",
            // Replaced by the router's own word, see `headers::to_hub`.
            "x-real-ip",
            "x-scheme",
        ] {
            assert!(!is_claim(name), "{name}");
        }
    }
}
