//! One look at one plane of a hub: does it answer, and how fast?
//!
//! Both planes have to be asked: a proxy answers while its hub is dead, and a hub while its proxy is.
//! When to look, and what several looks add up to, is left to the router.

use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode};
use hubrouter_config::{BaseUrl, Health, Hub, HubId, HubTls, HubUrl};

use crate::client::{At, Fault, Question, Resolver, ask};
use crate::secure::tls_trouble;

/// The two halves of a hub that live and die apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Plane {
    /// What the hub's proxy serves by itself: running servers and services.
    Proxy,
    /// What the hub's own process serves.
    Hub,
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// Whether the plane answered as a healthy one does.
    pub seen: Seen,
    /// From the first packet, name look-up included, to the head of the answer or the failure.
    pub took: Duration,
}

/// Whether a plane answered as a healthy one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Answered 2xx in time.
    Ok,
    /// Did not; the text says what happened instead, for operators.
    Failed(String),
}

/// Probes the two planes of one hub. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prober {
    hub: HubId,
    proxy: Target,
    /// The hub's own address where `hub_url` is configured, else its proxy's: there a dead proxy looks like a dead hub.
    own: Target,
    /// For those of them that are https.
    tls: Option<HubTls>,
    /// The site's, which all its hubs share.
    base: BaseUrl,
    timeout: Duration,
    resolver: Resolver,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    url: HubUrl,
    path: String,
}

impl PartialEq for Prober {
    /// Equal probers ask the same questions; they need not share a resolver.
    fn eq(&self, other: &Prober) -> bool {
        (&self.hub, &self.proxy, &self.own, &self.tls, self.timeout)
            == (&other.hub, &other.proxy, &other.own, &other.tls, other.timeout)
    }
}

impl Prober {
    /// A prober for `hub`, with the paths and the timeout of `health`.
    ///
    /// `hub_path` is below `base`. `proxy_path` is not: configurable-http-proxy answers `/_chp_healthz` at its root
    /// only, and takes any longer path for a page of the hub (`lib/configproxy.js`, `handleHealthCheck`).
    pub fn new(hub: &Hub, base: &BaseUrl, health: &Health, resolver: Resolver) -> Prober {
        let own_url = hub.hub_url.as_ref().unwrap_or(&hub.url);
        Prober {
            hub: hub.id.clone(),
            proxy: Target { url: hub.url.clone(), path: below("/", &health.proxy_path) },
            own: Target { url: own_url.clone(), path: below(base.as_str(), &health.hub_path) },
            tls: hub.tls.clone(),
            base: base.clone(),
            timeout: health.timeout,
            resolver,
        }
    }

    /// The hub that is probed.
    pub fn hub(&self) -> &HubId {
        &self.hub
    }

    /// Looks at `plane` once; takes `health.timeout` at most.
    pub async fn probe(&self, plane: Plane) -> ProbeResult {
        let target = match plane {
            Plane::Proxy => &self.proxy,
            Plane::Hub => &self.own,
        };
        let started = Instant::now();
        let (path, headers) = (target.path.clone(), HeaderMap::new());
        let question = Question { method: Method::GET, path, headers, body_limit: None };
        let at = At { url: &target.url, tls: self.tls.as_ref() };
        let answer = ask(&self.resolver, at, question, self.timeout).await;
        let seen = match answer {
            Ok(answer) if answer.status.is_success() => Seen::Ok,
            Ok(answer) => Seen::Failed(self.refusal(answer.status, plane)),
            Err(fault) => Seen::Failed(self.reason(fault, target)),
        };
        ProbeResult { seen, took: started.elapsed() }
    }

    /// An answer that is no success. An address that a hub does not know points to its `base_url`: its proxy answers there,
    /// with a page of the hub or a way to one.
    fn refusal(&self, status: StatusCode, plane: Plane) -> String {
        let (path, base) = match plane {
            Plane::Proxy => (&self.proxy.path, None),
            Plane::Hub => (&self.own.path, Some(&self.base)),
        };
        match base.filter(|_| status == StatusCode::NOT_FOUND || status.is_redirection()) {
            Some(base) => {
                format!("{path} answered {status}: is the hub's `base_url` another than the site's `{base}`?")
            }
            None => format!("{path} answered {status}"),
        }
    }

    fn reason(&self, fault: Fault, target: &Target) -> String {
        let at = target.url.authority();
        match fault {
            Fault::Connect(error) => match tls_trouble(&error) {
                Some(trouble) => format!("no TLS with {at}: {trouble}"),
                None => format!("no connection to {at}: {error}"),
            },
            Fault::Late => format!("{at} did not answer {} within {:?}", target.path, self.timeout),
            Fault::Lost(error) => match tls_trouble(&error) {
                Some(trouble) => format!("no TLS with {at}: {trouble}"),
                None => format!("{at} broke off before it answered {}: {error}", target.path),
            },
            Fault::Unreadable(error) => format!("{at} did not answer {} with HTTP: {error}", target.path),
        }
    }
}

/// `base` (which ends with a slash) and the configured path, joined by exactly one slash.
fn below(base: &str, path: &str) -> String {
    format!("{base}{}", path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::played::{Play, PlayedHub, nowhere, ok, status};

    fn prober(hub: &Hub, base: &str) -> Prober {
        let health = Health { timeout: Duration::from_millis(200), ..Health::default() };
        Prober::new(hub, &base.parse().unwrap(), &health, Resolver::new())
    }

    async fn seen_of(play: Play) -> Seen {
        let hub = PlayedHub::start(play).await;
        let on_hub_plane = prober(&hub.as_hub(), "/").probe(Plane::Hub).await.seen;
        let on_proxy_plane = prober(&hub.as_hub(), "/").probe(Plane::Proxy).await.seen;
        assert_eq!(on_hub_plane == Seen::Ok, on_proxy_plane == Seen::Ok);
        on_hub_plane
    }

    async fn reason(play: Play) -> String {
        match seen_of(play).await {
            Seen::Ok => panic!("seen as up"),
            Seen::Failed(reason) => reason,
        }
    }

    #[tokio::test]
    async fn a_plane_that_answers_2xx_is_up_whatever_its_body() {
        for answer in [ok("text/plain", ""), ok("application/json", "{}"), status("204 No Content", &[])] {
            assert_eq!(seen_of(Play::Say(answer)).await, Seen::Ok);
        }
        let endless = Play::SayEndlessly("HTTP/1.1 200 OK\r\n\r\n".to_owned(), "x".repeat(1000));
        assert_eq!(seen_of(endless).await, Seen::Ok);
    }

    #[tokio::test]
    async fn any_other_status_is_a_failure_that_names_it() {
        // 503 is what a proxy says whose hub is dead; a redirect means that somebody else answers there.
        for line in [
            "503 Service Unavailable",
            "302 Found",
            "404 Not Found",
            "429 Too Many Requests",
            "101 Switching",
        ] {
            let reason = reason(Play::Say(status(line, &["Location: /hub/login"]))).await;

            assert!(reason.starts_with(&format!("/hub/health answered {}", &line[..3])), "{reason}");
        }
    }

    #[tokio::test]
    async fn a_hub_that_does_not_know_its_health_page_is_asked_for_its_base_url() {
        for (line, location) in [("404 Not Found", ""), ("302 Found", "Location: /hub/jhub/hub/health")] {
            let hub = PlayedHub::start(Play::Say(status(line, &[location]))).await;
            let prober = prober(&hub.as_hub(), "/jhub/");

            let Seen::Failed(own) = prober.probe(Plane::Hub).await.seen else { panic!("seen as up") };
            let Seen::Failed(proxy) = prober.probe(Plane::Proxy).await.seen else { panic!("seen as up") };

            let asks = format!(
                "/jhub/hub/health answered {line}: is the hub's `base_url` another than the site's `/jhub/`?"
            );
            assert_eq!(own, asks);
            assert_eq!(proxy, format!("/_chp_healthz answered {line}"), "the proxy's page has no base path");
        }
        let busy = reason(Play::Say(status("503 Service Unavailable", &[]))).await;
        assert!(!busy.contains("base_url"), "{busy}");
    }

    #[tokio::test]
    async fn garbage_silence_and_a_hang_up_each_have_their_own_text() {
        let garbage = reason(Play::Say("SSH-2.0-OpenSSH_9.6\r\n".to_owned())).await;
        let silence = reason(Play::SayAndHang(String::new())).await;
        let hang_up = reason(Play::Say(String::new())).await;

        assert!(garbage.contains("did not answer /hub/health with HTTP"), "{garbage}");
        assert!(silence.contains("did not answer /hub/health within 200ms"), "{silence}");
        assert!(hang_up.contains("broke off before it answered /hub/health"), "{hang_up}");
    }

    #[tokio::test]
    async fn a_refused_connection_names_the_address() {
        let url = nowhere().await;
        let result = prober(&Hub::new("a".parse().unwrap(), url.clone()), "/").probe(Plane::Proxy).await;

        let Seen::Failed(reason) = result.seen else { panic!("seen as up") };
        assert!(reason.starts_with(&format!("no connection to {}", url.authority())), "{reason}");
    }

    #[tokio::test]
    async fn a_probe_says_how_long_it_took() {
        let hub = PlayedHub::start(Play::SayAndHang(String::new())).await;

        let took = prober(&hub.as_hub(), "/").probe(Plane::Hub).await.took;

        assert!((Duration::from_millis(200)..Duration::from_secs(2)).contains(&took), "{took:?}");
    }

    #[tokio::test]
    async fn the_hubs_path_is_below_the_base_url_and_the_proxys_is_not() {
        let (proxy, own) = (PlayedHub::saying("").await, PlayedHub::saying("").await);
        let mut hub = proxy.as_hub();
        hub.hub_url = Some(own.url.clone());
        let prober = prober(&hub, "/jhub/");

        prober.probe(Plane::Proxy).await;
        prober.probe(Plane::Hub).await;

        assert!(proxy.heard().starts_with("get /_chp_healthz http/1.1\r\n"));
        assert!(own.heard().starts_with("get /jhub/hub/health http/1.1\r\n"));
    }

    #[tokio::test]
    async fn a_dead_hub_behind_a_living_proxy_is_seen_as_such() {
        let proxy = PlayedHub::saying(ok("application/json", "{}")).await;
        let mut hub = proxy.as_hub();
        hub.hub_url = Some(nowhere().await);
        let prober = prober(&hub, "/");

        assert_eq!(prober.probe(Plane::Proxy).await.seen, Seen::Ok);
        assert_ne!(prober.probe(Plane::Hub).await.seen, Seen::Ok);
    }
}
