//! How old the certificates in force are: for operators to see, and once a day in the log when one is about to expire.
//!
//! What is told is read from the configuration in force, so it is never older than that. The numbers are what a metric of
//! expiry will show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use hubrouter_config::{Config, PemFile, Standing, Validity};
use tracing::warn;

use super::facts;
use crate::control::live::Live;
use crate::control::tasks::Tasks;

/// A certificate that is good for less than this needs somebody: 14 days. Whatever renews certificates by itself does so earlier.
pub const EXPIRES_SOON: Duration = Duration::from_hours(14 * 24);
/// Between two looks.
const LOOK: Duration = Duration::from_mins(10);
/// Between two warnings about one certificate.
const WARN_EVERY: Duration = Duration::from_hours(24);

/// One certificate in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aged {
    /// Where it is used, as the configuration has it: `listen[0]` or `hub hub-a`.
    pub used_by: String,
    /// Its file.
    pub file: String,
    /// The names it is for.
    pub names: Vec<String>,
    /// From when until when it is good.
    pub validity: Validity,
}

/// Every certificate that the router shows under `config`, to clients and to hubs.
#[must_use]
pub fn all(config: &Config) -> Vec<Aged> {
    let mut found = Vec::new();
    for (number, listen) in config.listen.iter().enumerate() {
        let certificates = listen.tls.iter().flat_map(|tls| &tls.certificates);
        found.extend(certificates.filter_map(|pair| aged(format!("listen[{number}]"), &pair.cert)));
    }
    for hub in &config.hubs {
        let shown = hub.tls.as_ref().and_then(|tls| tls.client_cert.as_ref());
        found.extend(shown.and_then(|cert| aged(format!("hub {}", hub.id), cert)));
    }
    found
}

fn aged(used_by: String, file: &PemFile) -> Option<Aged> {
    let chain = file.certificates().ok()?;
    let (names, validity) = facts(&chain[0])?;
    Some(Aged { used_by, file: file.path().display().to_string(), names, validity })
}

/// Looks at the certificates in force now and then, for as long as it is polled.
pub async fn watch(live: Arc<ArcSwap<Live>>, tasks: Tasks) {
    let task = tasks.add("certificates", LOOK);
    let mut warned = Warned::default();
    loop {
        let found = all(&live.load().snapshot.config);
        for line in warned.about(&found, SystemTime::now(), Instant::now()) {
            warn!("{line}");
        }
        task.ran(Instant::now(), format!("{} in use", found.len()));
        tokio::time::sleep(LOOK).await;
    }
}

/// What was warned of, and when.
#[derive(Debug, Default)]
struct Warned(BTreeMap<(String, String, u64), Instant>);

impl Warned {
    /// The lines that are due.
    fn about(&mut self, found: &[Aged], wall: SystemTime, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        let mut still = BTreeMap::new();
        for aged in found {
            let Some(line) = trouble(aged, wall) else { continue };
            // A renewed certificate is another one.
            let which = (aged.used_by.clone(), aged.file.clone(), aged.validity.not_after.unix);
            let before = self.0.get(&which).copied().filter(|at| now.duration_since(*at) < WARN_EVERY);
            if before.is_none() {
                lines.push(line);
            }
            still.insert(which, before.unwrap_or(now));
        }
        self.0 = still;
        lines
    }
}

fn trouble(aged: &Aged, now: SystemTime) -> Option<String> {
    let what = match aged.validity.at(now) {
        Standing::Good { left } if left >= EXPIRES_SOON.as_secs() => return None,
        Standing::Good { left } => {
            format!("expires in {} days, on {}", left / 86_400, aged.validity.not_after)
        }
        Standing::Expired => format!("expired on {}", aged.validity.not_after),
        Standing::NotYet => format!("is not valid before {}", aged.validity.not_before),
    };
    let Aged { used_by, file, names, .. } = aged;
    Some(format!("the certificate {file} ({}) of {used_by} {what}: renew it", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{dated, pair};
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn used(pair: &hubrouter_config::Certificate) -> Aged {
        aged("listen[0]".to_owned(), &pair.cert).unwrap()
    }

    #[test]
    fn a_certificate_that_expires_soon_is_warned_of_once_a_day_until_it_is_renewed() {
        let old = used(&dated(&["a.example"], (2026, 1, 1), (2026, 12, 1)));
        let renewed = used(&dated(&["a.example"], (2026, 11, 1), (2027, 12, 1)));
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(old.validity.not_after.unix) - 13 * DAY;
        let (mut warned, now) = (Warned::default(), Instant::now());
        let mut lines = |found: &[Aged], later: Duration| warned.about(found, wall + later, now + later);

        let old = [old];
        assert_eq!(lines(&old, Duration::ZERO).len(), 1);
        assert_eq!(lines(&old, DAY / 2), [] as [&str; 0]);
        assert!(lines(&old, DAY)[0].contains("expires in 12 days, on 2026-12-01"));
        assert!(lines(&old, 14 * DAY)[0].contains("expired on 2026-12-01"));
        assert_eq!(lines(&[renewed], 15 * DAY), [] as [&str; 0]);
    }

    #[test]
    fn a_certificate_with_two_weeks_left_is_nobodys_business() {
        let good = used(&dated(&["a.example"], (2026, 1, 1), (2026, 12, 1)));
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(good.validity.not_after.unix);

        assert_eq!(trouble(&good, end - EXPIRES_SOON), None);
        assert!(trouble(&good, end - EXPIRES_SOON + Duration::from_secs(1)).is_some());
    }

    #[test]
    fn every_certificate_that_the_router_shows_is_listed() {
        let mut config = Config::of_hubs(Vec::new());
        let tls =
            hubrouter_config::ListenTls { certificates: vec![pair(&["a.example"]), pair(&["*.b.example"])] };
        config.listen[0].tls = Some(tls);
        let mut hub = hubrouter_config::Hub::new("h".parse().unwrap(), "https://h".parse().unwrap());
        let shown = pair(&["router"]);
        let tls = hubrouter_config::HubTls { client_cert: Some(shown.cert), ..Default::default() };
        hub.tls = Some(tls);
        config.hubs.push(hub);

        let found: Vec<String> = all(&config)
            .into_iter()
            .map(|aged| format!("{} {}", aged.used_by, aged.names.join(",")))
            .collect();

        assert_eq!(found, ["listen[0] a.example", "listen[0] *.b.example", "hub h router"]);
    }
}
