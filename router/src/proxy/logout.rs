//! Logout is the router's: it tells every hub where the browser has a login, ends all jars, and works when a hub is dead.
//!
//! A hub that did not hear of it is told later, from memory; the browser has forgotten the jar by then.

use std::time::Duration;

use futures_util::future::join_all;
use http::{HeaderValue, Response};
use hubrouter_config::HubId;
use hubrouter_hub_adapter::client::{Browser, HubClient, HubError, LogoutAnswer};
use tracing::{info, warn};

use super::body::ToClient;
use super::exchange::Exchange;
use super::gather::Known;
use super::{reply, set_cookie, wait};
use crate::control::signals::{PendingLogout, Signal};
use crate::core::snapshot::HubIndex;
use crate::pages::{Link, Page};

/// How long a hub may take: a person waits meanwhile.
const WITHIN: Duration = Duration::from_secs(2);

struct Told {
    hub: HubIndex,
    jar: HeaderValue,
    answer: Result<LogoutAnswer, HubError>,
}

/// Logs out at every hub where this browser has a login, and forgets all cookies of the site.
pub async fn everywhere(exchange: &Exchange<'_>, known: &Known) -> Response<ToClient> {
    let browser = exchange.browser();
    let told = tell_all(exchange, &browser).await;
    let dead: Vec<HubId> =
        told.iter().filter(|told| told.answer.is_err()).map(|told| exchange.id(told.hub).clone()).collect();
    let owner = known.user().and_then(|user| exchange.snapshot().owner(user));
    let own = owner.or_else(|| told.first().map(|told| told.hub));
    let mut response = None;
    for told in told {
        match told.answer {
            Ok(answer) if Some(told.hub) == own => response = Some(passed_on(exchange, told.hub, answer)),
            Ok(_) => {}
            Err(error) => {
                let hub = exchange.id(told.hub).clone();
                warn!(hub.id = %hub, %error, "a hub was not told of a logout: it is told when it is back");
                later(exchange, hub, told.jar, &browser);
            }
        }
    }
    let login = wait::login_url(exchange, None);
    // A redirect to the login would, where logins need no click, log in again at once.
    let mut response = response.unwrap_or_else(|| {
        let login = Link::new(login, "Log in again");
        reply::page_without_choice(exchange, &Page::LoggedOut { dead, login })
    });
    // First the ends, then what the answering hub sets: its login page may bring a new token.
    let mut ends = exchange.cookies.expire_all(known.user());
    ends.extend(exchange.live.own.expire_all());
    reply::set_cookies_first(&mut response, ends);
    response
}

async fn tell_all(exchange: &Exchange<'_>, browser: &Browser) -> Vec<Told> {
    let snapshot = exchange.snapshot();
    let jars = snapshot
        .indices()
        .flat_map(|hub| exchange.cookies.for_logout(exchange.id(hub)).into_iter().map(move |jar| (hub, jar)));
    join_all(jars.map(|(hub, jar)| async move {
        let answer = exchange.live.client(hub).logout(jar.clone(), browser, WITHIN).await;
        Told { hub, jar, answer }
    }))
    .await
}

/// The owner hub's own answer: it may lead to the provider's logout.
fn passed_on(exchange: &Exchange<'_>, hub: HubIndex, answer: LogoutAnswer) -> Response<ToClient> {
    let mut response = Response::new(ToClient::from(answer.body));
    *response.status_mut() = answer.status;
    let mut fields = answer.headers;
    let lines = set_cookie::take(&mut fields);
    *response.headers_mut() = fields;
    reply::set_cookies(&mut response, set_cookie::for_browser(exchange, hub, lines, None));
    response
}

/// Ends the sessions at these hubs without letting the browser wait for it.
pub fn in_background(exchange: &Exchange<'_>, browser: &Browser, hubs: &[HubIndex]) {
    for hub in hubs {
        for jar in exchange.cookies.for_logout(exchange.id(*hub)) {
            let client = exchange.live.client(*hub).clone();
            let worker = std::rc::Rc::clone(&exchange.connection.worker);
            let (hub, browser) = (exchange.id(*hub).clone(), browser.clone());
            let begun = worker.begin();
            tokio::task::spawn_local(async move {
                // A thread that stops waits for it.
                let _begun = begun;
                if !told(&client, &jar, &browser).await {
                    worker.shared.signal(Signal::LogoutLater(PendingLogout { hub, jar, browser }));
                }
            });
        }
    }
}

async fn told(client: &HubClient, jar: &HeaderValue, browser: &Browser) -> bool {
    match client.logout(jar.clone(), browser, WITHIN).await {
        Ok(_) => {
            info!("a session at another hub has ended");
            true
        }
        Err(error) => {
            warn!(%error, "a hub was not told of a logout: it is told when it is back");
            false
        }
    }
}

fn later(exchange: &Exchange<'_>, hub: HubId, jar: HeaderValue, browser: &Browser) {
    let browser = browser.clone();
    exchange.worker().shared.signal(Signal::LogoutLater(PendingLogout { hub, jar, browser }));
}
