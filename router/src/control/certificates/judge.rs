//! What the router has against the certificates that a configuration names, found together with everything else in it.
//!
//! A certificate that is out of its time is a warning here: a site whose certificate has expired must still be able to
//! start and to be changed. That a reload brings no such certificate in is seen to by whoever takes it.

use std::time::SystemTime;

use hubrouter_config::{Certificate, HubTls, HubUrl, PemFile, PublicUrl, Reading, Standing, Validity};
use hubrouter_hub_adapter::secure::Trusts;

use super::{EXPIRES_SOON, Ready};

/// Judges the certificates of all listeners and of all hubs.
pub(in crate::control) fn judge(reading: &Reading<'_>, now: SystemTime) {
    let mut shown = Vec::new();
    for listen in 0..reading.count("listen") {
        let list = format!("listen[{listen}].tls.certificates");
        for number in 0..reading.count(&list) {
            shown.extend(certificate(reading, &format!("{list}[{number}]"), number == 0, now));
        }
    }
    site_is_covered(reading, &shown);
    let trusts = Trusts::default();
    for hub in 0..reading.count("hubs") {
        of_a_hub(reading, &format!("hubs[{hub}]"), &trusts, now);
    }
}

fn certificate(reading: &Reading<'_>, key: &str, is_default: bool, now: SystemTime) -> Option<Ready> {
    let file = |name: &str| reading.pem(&format!("{key}.{name}"));
    let (cert, private) = file("cert").zip(file("key"))?;
    let pair = Certificate { cert, key: private };
    let ready = match Ready::read(&pair) {
        Ok(ready) => ready,
        Err(unfit) => {
            reading.problem(&format!("{key}.{}", unfit.key), unfit.message, unfit.hint);
            return None;
        }
    };
    time(reading, &format!("{key}.cert"), &pair.cert, &ready.validity, now);
    if ready.names.is_empty() && !is_default {
        reading.warn(
            &format!("{key}.cert"),
            format!("{} carries no DNS name, so no client ever gets it", pair.cert.path().display()),
            "use a certificate with subjectAltName, or put this one first",
        );
    }
    Some(ready)
}

/// Warns of a certificate that is out of its time, or will be soon.
fn time(reading: &Reading<'_>, key: &str, file: &PemFile, validity: &Validity, now: SystemTime) {
    let at = format!("{}, line {}", file.path().display(), file.line_of_certificate(0));
    let (what, hint) = match validity.at(now) {
        Standing::Good { left } if left >= EXPIRES_SOON.as_secs() => return,
        Standing::Good { .. } => (format!("expires on {}", validity.not_after), "renew it"),
        Standing::Expired => (format!("expired on {}", validity.not_after), "renew it: browsers refuse it"),
        Standing::NotYet => (
            format!("is not valid before {}", validity.not_before),
            "check the clock of this machine; browsers refuse the certificate until then",
        ),
    };
    reading.warn(key, format!("{at}: the certificate {what}"), hint);
}

fn site_is_covered(reading: &Reading<'_>, shown: &[Ready]) {
    let Some(text) = reading.text("site.public_url") else { return };
    // What follows the host is the base path of the site, or a mistake of its own.
    let origin = text.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let Ok(url) = origin.parse::<PublicUrl>() else { return };
    let host = url.host();
    if !shown.is_empty() && !shown.iter().any(|ready| ready.covers(host)) {
        reading.warn(
            "site.public_url",
            format!("no certificate here is for `{}`", host.escape_debug()),
            "browsers refuse the site unless a load balancer in front shows another one",
        );
    }
}

fn of_a_hub(reading: &Reading<'_>, key: &str, trusts: &Trusts, now: SystemTime) {
    let https = ["url", "hub_url", "proxy_api.url"].into_iter().find_map(|name| {
        let url: HubUrl = reading.text(&format!("{key}.{name}"))?.parse().ok()?;
        (url.scheme() == hubrouter_config::Scheme::Https).then_some((name, url))
    });
    let Some((name, url)) = https else { return };
    let file = |name: &str| reading.pem(&format!("{key}.tls.{name}"));
    let tls = HubTls {
        ca: file("ca"),
        client_cert: file("client_cert"),
        client_key: file("client_key"),
        server_name: reading.text(&format!("{key}.tls.server_name")).map(str::to_owned),
    };
    // A file that could not be read is a problem already, and no other authority shall stand in for it.
    let named = |name: &str| reading.has(&format!("{key}.tls.{name}"));
    let unread =
        ["ca", "client_cert", "client_key"].into_iter().any(|name| named(name) && file(name).is_none());
    if unread {
        return;
    }
    if let Some(misfit) = trusts.misfit(&url, Some(&tls)) {
        let tls_key = format!("{key}.tls.{}", misfit.key);
        let at = if reading.has(&tls_key) { tls_key } else { format!("{key}.{name}") };
        reading.problem(&at, misfit.message, misfit.hint);
        return;
    }
    if let Some(file) = &tls.client_cert {
        let validity = file.certificates().ok().and_then(|chain| Validity::of(&chain[0]));
        if let Some(validity) = validity {
            time(reading, &format!("{key}.tls.client_cert"), file, &validity, now);
        }
    }
}
