//! `site`: what the site looks like from outside.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::model::{BaseUrl, PublicUrl, Scheme, Site};
use crate::node::Value;
use crate::read::{At, list_of, parsed, period, text};

/// Headers with a meaning of their own: what a hub gets in them is the router's business.
const NOT_IDENTITY: [&str; 17] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "origin",
    "te",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

pub(super) fn site(at: &At<'_>) -> Option<Site> {
    let mut keys = at.section()?;
    let defaults = Site::default();
    let base_url = keys.or("base_url", defaults.base_url, parsed);
    let base_is_sound = keys.sound(&["base_url"]);
    let site = Site {
        public_url: keys.optional("public_url", |at| public_url(at, base_is_sound.then_some(&base_url))),
        trusted_proxies: keys.or("trusted_proxies", Vec::new(), list_of(network)),
        hsts: keys.or("hsts", defaults.hsts, off_or_period),
        identity_headers: keys.or("identity_headers", Vec::new(), list_of(identity_header)),
        jar_cookies: keys.or("jar_cookies", Vec::new(), list_of(jar_cookie)),
        adopt_sessions_of: keys.optional("adopt_sessions_of", parsed),
        base_url,
    };
    let plain = site.public_url.as_ref().is_some_and(|url| url.scheme() == Scheme::Http);
    if plain && site.hsts.is_some() {
        keys.problem::<()>(
            "hsts",
            "hsts needs a site that is https",
            "make site.public_url https, or write off",
        );
    }
    keys.finish_with(subdomain_mode);
    Some(site)
}

/// The clear text for what is not supported.
pub(super) fn subdomain_mode(key: &str) -> Option<(&'static str, &'static str)> {
    (key == "subdomain_host").then_some((
        "subdomain mode is not supported",
        "remove the key here and `subdomain_host` in the hubs' configuration: users share one host name",
    ))
}

fn public_url(at: &At<'_>, base_url: Option<&BaseUrl>) -> Option<PublicUrl> {
    let text = text(at)?;
    match PublicUrl::with_path(&text) {
        Err(malformed) => at.malformed(malformed),
        Ok((url, "" | "/")) => Some(url),
        Ok((url, path)) => match base_url {
            Some(base) if path.trim_end_matches('/') != base.as_str().trim_end_matches('/') => at.problem(
                format!("the path `{}` is not site.base_url, which is `{base}`", path.escape_debug()),
                "write scheme and host only, and the hubs' common path as site.base_url",
            ),
            _ => Some(url),
        },
    }
}

fn network(at: &At<'_>) -> Option<IpNet> {
    let text = text(at)?;
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    match network {
        Ok(network) => Some(network.trunc()),
        Err(_) => at.problem(
            format!("`{}` is not a network", text.escape_debug()),
            "write a network such as 10.0.0.0/8, or one IP address",
        ),
    }
}

/// YAML 1.1 read `off` as false, and some editors still write it so.
fn off_or_period(at: &At<'_>) -> Option<Option<Duration>> {
    match &at.node.value {
        Value::Scalar { text, .. } if matches!(text.as_str(), "off" | "false") => Some(None),
        _ => period(at).map(Some),
    }
}

/// RFC 9110 section 5.1: a field name is a token. In lower case, as fields are compared.
fn identity_header(at: &At<'_>) -> Option<String> {
    let name = text(at)?.to_ascii_lowercase();
    if name.contains('_') {
        return at
            .problem("a header name with an underscore", "use hyphens: many servers read both as one name");
    }
    if !is_token(&name) || NOT_IDENTITY.contains(&name.as_str()) {
        return at.problem(
            format!("`{}` is not the name of an identity header", name.escape_debug()),
            "write for example Remote-User",
        );
    }
    Some(name)
}

/// RFC 6265 section 4.1.1: a cookie name is a token.
fn jar_cookie(at: &At<'_>) -> Option<String> {
    let name = text(at)?;
    let bare = name.trim_start_matches("__Host-").trim_start_matches("__Secure-");
    if !is_token(&name) {
        return at.problem(
            format!("`{}` is not the name of a cookie", name.escape_debug()),
            "write the cookie's bare name",
        );
    }
    if bare == "hubrouter" || bare.starts_with("hubrouter-") || bare.starts_with("jupyterhub-user-") {
        return at.problem(
            format!("the cookie `{name}` cannot have a jar"),
            "remove it: the router knows what to do with it",
        );
    }
    Some(name)
}

fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(fits)
}
