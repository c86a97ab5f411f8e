//! `listen` and `admin`: where the router listens.

use std::net::{Ipv4Addr, SocketAddr};

use crate::model::{Admin, AdminToken, Certificate, Listen, ListenTls, MetricsAccess, Role};
use crate::read::{At, boolean, choice, list_of, pem_file, socket_address, token};

pub(super) fn listeners(at: &At<'_>) -> Option<Vec<Listen>> {
    let items = at.items()?;
    if items.is_empty() {
        return at.problem("no listener", "name one, or leave the key out for 0.0.0.0:8000");
    }
    Some(items.iter().filter_map(listener).collect())
}

fn listener(at: &At<'_>) -> Option<Listen> {
    let mut keys = at.section()?;
    let address =
        keys.required("address", "write IP address and port, for example 0.0.0.0:8000", socket_address);
    let listen = Listen {
        redirect_to_https: keys.or("redirect_to_https", false, boolean),
        tls: keys.optional("tls", tls),
        proxy_protocol: keys.or("proxy_protocol", false, boolean),
        h2c: keys.or("h2c", false, boolean),
        ..Listen::plain(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
    };
    let has_tls = keys.get("tls").is_some();
    if has_tls && listen.redirect_to_https {
        keys.problem::<()>(
            "redirect_to_https",
            "a listener with tls is https already",
            "set it at the plain listener, or remove tls here",
        );
    }
    if has_tls && listen.h2c {
        keys.problem::<()>(
            "h2c",
            "h2c is HTTP/2 without TLS",
            "remove h2c: with tls HTTP/2 is agreed on by itself",
        );
    }
    keys.finish();
    Some(Listen { address: address?, ..listen })
}

fn tls(at: &At<'_>) -> Option<ListenTls> {
    let mut keys = at.section()?;
    let hint = "write certificates: [{cert: site.crt, key: site.key}]";
    let certificates = keys.required("certificates", hint, list_of(certificate));
    if certificates.as_ref().is_some_and(Vec::is_empty) && keys.sound(&["certificates"]) {
        keys.problem::<()>("certificates", "no certificate", hint);
    }
    keys.finish();
    Some(ListenTls { certificates: certificates? })
}

fn certificate(at: &At<'_>) -> Option<Certificate> {
    let mut keys = at.section()?;
    let cert = keys.required("cert", "name the PEM file of the certificate chain", pem_file);
    let key = keys.required("key", "name the PEM file of the private key", pem_file);
    keys.finish();
    Some(Certificate { cert: cert?, key: key? })
}

pub(super) fn admin(at: &At<'_>) -> Option<Admin> {
    let mut keys = at.section()?;
    let defaults = Admin::default();
    let admin = Admin {
        address: keys.or("address", defaults.address, socket_address),
        metrics: keys.or("metrics", defaults.metrics, choice(&[MetricsAccess::Open, MetricsAccess::Token])),
        tokens: keys.or("tokens", defaults.tokens, list_of(admin_token)),
    };
    // Tokens that could not be read are tokens all the same.
    let no_tokens = admin.tokens.is_empty() && keys.sound(&["tokens"]);
    if no_tokens && !admin.address.ip().is_loopback() {
        keys.problem::<()>(
            "address",
            "the admin listener is not on loopback and has no tokens",
            "add admin.tokens, or use 127.0.0.1:9901",
        );
    }
    if no_tokens && admin.metrics == MetricsAccess::Token {
        keys.problem::<()>(
            "metrics",
            "metrics ask for a token and there is none",
            "add admin.tokens, or use open",
        );
    }
    keys.finish();
    Some(admin)
}

fn admin_token(at: &At<'_>) -> Option<AdminToken> {
    let mut keys = at.section()?;
    let role = keys.required(
        "role",
        "write admin, operate or read",
        choice(&[Role::Read, Role::Operate, Role::Admin]),
    );
    let token = keys.required("token", "write {env: NAME} or {file: PATH}", token);
    keys.finish();
    Some(AdminToken { role: role?, token: token? })
}
