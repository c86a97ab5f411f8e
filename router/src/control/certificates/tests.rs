//! Certificates for tests, and what cannot be shown.

use std::sync::Arc;

use hubrouter_config::{Certificate, FixedSources, PemFile, Problem};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, date_time_ymd};

use super::{Ready, Unfit};
use crate::control::load;

type Day = (i32, u8, u8);

fn file(path: &str, text: &str) -> PemFile {
    PemFile::new(path.into(), text.as_bytes().to_vec())
}

fn made(names: &[&str], key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    let cert = params.self_signed(key).unwrap().pem();
    Certificate { cert: file("site.crt", &cert), key: file("site.key", &key.serialize_pem()) }
}

pub(super) fn pair(names: &[&str]) -> Certificate {
    made(names, &KeyPair::generate().unwrap(), |_| {})
}

pub(super) fn rsa(names: &[&str]) -> Certificate {
    made(names, &KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(), |_| {})
}

pub(super) fn dated(names: &[&str], from: Day, to: Day) -> Certificate {
    made(names, &KeyPair::generate().unwrap(), |params| {
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
    })
}

pub(super) fn ready(pair: &Certificate) -> Arc<Ready> {
    Arc::new(Ready::read(pair).unwrap())
}

#[test]
fn a_certificate_covers_its_names_its_wildcards_and_its_addresses() {
    let ready = ready(&pair(&["site.example", "*.hub.example", "192.0.2.7"]));
    for host in ["site.example", "SITE.example", "a.hub.example", "192.0.2.7"] {
        assert!(ready.covers(host), "{host}");
    }
    for host in ["hub.example", "a.b.hub.example", "evil.example", "192.0.2.8", "", "a b", "site.example:443"]
    {
        assert!(!ready.covers(host), "{host}");
    }
}

#[test]
fn what_cannot_be_shown_says_which_file_is_wrong_and_what_to_do() {
    let (one, other) = (pair(&["a.example"]), pair(&["b.example"]));
    let unfit = |cert: &PemFile, key: &PemFile| {
        Ready::read(&Certificate { cert: cert.clone(), key: key.clone() }).unwrap_err()
    };
    let named = |unfit: &Unfit| (unfit.key, unfit.message.clone());

    let crossed = unfit(&one.cert, &other.key);
    assert_eq!(named(&crossed), ("key", "site.key is not the key of site.crt".to_owned()));
    let text = |pair: &Certificate| String::from_utf8(pair.cert.bytes().to_vec()).unwrap();
    let behind = file("site.crt", &format!("{}{}", text(&other), text(&one)));
    let late = unfit(&behind, &one.key);
    let line = text(&other).lines().count() + 1;
    assert_eq!(late.key, "cert");
    assert!(
        late.message.contains(&format!("in line {line} of site.crt, which is not the first")),
        "{}",
        late.message
    );
    assert!(late.hint.contains("must stand first"));
    let swapped = unfit(&one.key, &one.cert);
    assert_eq!(
        named(&swapped),
        ("cert", "site.key: there is no certificate in it, but a private key".to_owned())
    );
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let garbage = unfit(&file("site.crt", text), &one.key);
    assert!(garbage.message.starts_with("site.crt, line 1: not a certificate"), "{}", garbage.message);
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(unfit(&one.cert, &file("site.key", key)).message.starts_with("site.key cannot be used"));
}

/// What is found in a configuration with these lines, by file name: problems, or else warnings.
fn found(lines: &str, files: &[(&str, &PemFile)]) -> Vec<Problem> {
    let mut sources = FixedSources::default();
    for (name, file) in files {
        // What a file holds is nobody's to print: a test writes it out again.
        sources.files.insert((*name).into(), file.bytes().to_vec());
    }
    let text = format!("placement: {{seed: x}}\n{lines}");
    match load::parse(&text, "h.yaml", &sources) {
        Ok(loaded) => loaded.warnings,
        Err(refusal) => refusal.problems,
    }
}

fn told(lines: &str, files: &[(&str, &PemFile)], key: &str) -> String {
    let found = found(lines, files);
    let here = found.iter().find(|problem| problem.key == key);
    here.unwrap_or_else(|| panic!("nothing at {key}: {found:#?}")).to_string()
}

const LISTEN: &str = "hubs: [{id: a, url: 'http://a'}]\nsite: {public_url: 'https://site.example'}\n\
    listen:\n  - address: '127.0.0.1:1'\n    tls:\n      certificates:\n        - {cert: s.crt, key: s.key}\n";

#[test]
fn findings_about_certificates_name_the_place_in_the_configuration_and_the_line_in_the_file() {
    let (good, other) = (pair(&["site.example"]), pair(&["other.example"]));
    let both = |pair: &Certificate| [("s.crt", pair.cert.clone()), ("s.key", pair.key.clone())];
    let said = |files: &[(&str, PemFile); 2], key: &str| {
        told(LISTEN, &[(files[0].0, &files[0].1), (files[1].0, &files[1].1)], key)
    };
    let cert = "listen[0].tls.certificates[0].cert";

    let crossed = [("s.crt", good.cert.clone()), ("s.key", other.key.clone())];
    let text = said(&crossed, "listen[0].tls.certificates[0].key");
    assert!(text.starts_with("h.yaml:8:") && text.contains("s.key is not the key of s.crt"), "{text}");
    let expired = said(&both(&dated(&["site.example"], (2019, 1, 1), (2020, 1, 1))), cert);
    assert!(expired.contains("s.crt, line 1: the certificate expired on 2020-01-01"), "{expired}");
    let early = said(&both(&dated(&["site.example"], (2090, 1, 1), (2091, 1, 1))), cert);
    assert!(early.contains("is not valid before 2090-01-01"), "{early}");
    let foreign = said(&both(&other), "site.public_url");
    assert!(foreign.contains("no certificate here is for `site.example`"), "{foreign}");
    let mine = found(LISTEN, &[("s.crt", &good.cert), ("s.key", &good.key)]);
    assert!(
        !mine.iter().any(|found| found.key.contains("tls") || found.key.contains("public_url")),
        "{mine:#?}"
    );
}

#[test]
fn findings_about_hubs_over_tls_come_with_all_others() {
    let (one, other) = (pair(&["one"]), pair(&["other"]));
    let files = [("ca.crt", &one.cert), ("c.crt", &one.cert), ("c.key", &other.key), ("k.key", &one.key)];
    let hub = |tls: &str| format!("hubs: [{{id: a, url: 'https://hub-a', tls: {{{tls}}}}}]\n");

    let text =
        told(&hub("ca: ca.crt, client_cert: c.crt, client_key: c.key"), &files, "hubs[0].tls.client_key");
    assert!(text.contains("c.key is not the key of c.crt"), "{text}");
    let text = told(&hub("ca: k.key"), &files, "hubs[0].tls.ca");
    assert!(text.contains("k.key: there is no certificate in it"), "{text}");
    let text = told(&hub("ca: ca.crt, server_name: 'a b'"), &files, "hubs[0].tls.server_name");
    assert!(text.contains("`a b`"), "{text}");
    let fine = found(&hub("ca: ca.crt, client_cert: c.crt, client_key: k.key"), &files);
    assert!(!fine.iter().any(|found| found.key.contains("tls")), "{fine:#?}");
}
