//! PEM files of every kind, and the two times in a certificate.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use super::*;

/// A certificate and its key. The second time is beyond 2049 and so written with four digits of its year.
static PAIR: LazyLock<(String, String)> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut certificate = rcgen::CertificateParams::new(["x.example".to_owned()]).unwrap();
    certificate.not_before = rcgen::date_time_ymd(2026, 1, 2);
    certificate.not_after = rcgen::date_time_ymd(2052, 2, 29);
    (certificate.self_signed(&key).unwrap().pem(), key.serialize_pem())
});

fn pem() -> (&'static str, &'static str) {
    (&PAIR.0, &PAIR.1)
}

fn file(text: &str) -> PemFile {
    PemFile::new("tls/x.pem".into(), text.as_bytes().to_vec())
}

#[test]
fn certificates_and_keys_are_found_beside_anything_else() {
    let (certificate, key) = pem();
    let both = file(&format!("a note\n{key}\n{certificate}{certificate}"));

    assert_eq!(both.certificates().map(|found| found.len()), Ok(2));
    assert!(both.private_key().is_ok());
    let first = key.lines().count() + 3;
    assert_eq!(both.line_of_certificate(0), first);
    assert_eq!(both.line_of_certificate(1), first + certificate.lines().count());
}

#[test]
fn what_is_missing_or_damaged_is_said_with_its_line() {
    let (certificate, key) = pem();
    let damaged = certificate.replacen("\nMII", "\nM!!", 1);
    assert_ne!(damaged, certificate);
    let cut = certificate.replace("-----END", "-----FIN");
    for (text, fault) in [
        ("", PemFault::NoCertificate { holds_key: false }),
        ("-----BEGIN NOTHING-----\n-----END NOTHING-----\n", PemFault::NoCertificate { holds_key: false }),
        (key, PemFault::NoCertificate { holds_key: true }),
        (&damaged, PemFault::Broken { line: 1 }),
        (&format!("{certificate}\n{damaged}"), PemFault::Broken { line: certificate.lines().count() + 2 }),
        (&cut, PemFault::Broken { line: 1 }),
    ] {
        assert_eq!(file(text).certificates(), Err(fault), "{text}");
        assert!(!fault.hint().is_empty());
    }
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    for (text, fault) in [
        (certificate, PemFault::NoKey { holds_certificate: true }),
        ("", PemFault::NoKey { holds_certificate: false }),
        (encrypted, PemFault::Encrypted),
        (old, PemFault::Encrypted),
        (&key.replace("-----END", "-----FIN"), PemFault::Broken { line: 1 }),
    ] {
        assert_eq!(file(text).private_key().map(|_| ()), Err(fault), "{text}");
    }
}

#[test]
fn nothing_prints_what_stands_in_it() {
    let (_, text) = pem();
    let key = file(text);
    let fault = file(&text.replace("-----END", "-----FIN")).private_key().unwrap_err();

    assert_eq!(format!("{key:?}"), "PemFile(\"tls/x.pem\")");
    assert_eq!(serde_json::to_string(&key).unwrap(), "\"tls/x.pem\"");
    let secret = text.lines().nth(1).unwrap();
    assert!(!format!("{fault} {fault:?} {}", fault.hint()).contains(secret));
}

#[test]
fn another_reading_of_an_unchanged_file_is_equal() {
    let (certificate, key) = pem();
    assert_eq!(file(key), file(key));
    assert_ne!(file(key), file(certificate));
    assert_ne!(file(key), PemFile::new("other.pem".into(), key.into()));
}

#[test]
fn a_certificate_says_from_when_until_when_it_is_good() {
    let certificate = file(pem().0).certificates().unwrap().remove(0);
    let validity = Validity::of(&certificate).unwrap();

    assert_eq!(validity.not_before.to_string(), "2026-01-02 00:00:00 UTC");
    assert_eq!(validity.not_after.to_string(), "2052-02-29 00:00:00 UTC");
    // By `date -u -d 2026-01-02 +%s` and the like.
    assert_eq!((validity.not_before.unix, validity.not_after.unix), (1_767_312_000, 2_592_777_600));
    let at = |unix| validity.at(SystemTime::UNIX_EPOCH + Duration::from_secs(unix));
    assert_eq!(at(1_767_311_999), Standing::NotYet);
    assert_eq!(at(1_767_312_000), Standing::Good { left: 2_592_777_600 - 1_767_312_000 });
    assert_eq!(at(2_592_777_600), Standing::Good { left: 0 });
    assert_eq!(at(2_592_777_601), Standing::Expired);
}

#[test]
fn what_is_no_certificate_has_no_validity() {
    let certificate = file(pem().0).certificates().unwrap().remove(0);
    for end in 0..certificate.len() {
        // Cut anywhere: no panic, and never a time out of half a certificate.
        assert_eq!(Validity::of(&certificate[..end]), None);
    }
    assert_eq!(Validity::of(b"0123456789-0123456789"), None);
}
