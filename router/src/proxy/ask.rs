//! Questions to hubs: whose browser is this, whose token is this. Bounded, and counted per client.

use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use http::HeaderValue;
use hubrouter_hub_adapter::address::Plane;
use hubrouter_hub_adapter::client::HubError;
use hubrouter_hub_adapter::names::UserName;
use tracing::{debug, warn};

use super::exchange::Exchange;
use crate::core::health::{Answer, WaitReason};
use crate::core::snapshot::HubIndex;
use crate::identify::lookups::Question;
use crate::pages::{Page, Retry, Waiting, WaitingFor};

/// How long a hub may take to say who somebody is: a person waits meanwhile.
pub const WITHIN: Duration = Duration::from_secs(2);

/// What came of asking whose browser it is.
#[derive(Debug, Default)]
pub struct Browsers {
    /// The user, if a hub knew.
    pub user: Option<UserName>,
    /// Hubs that know nobody by the login the browser holds: their jars end.
    pub refused: Vec<HubIndex>,
}

impl Browsers {
    /// The cookies that follow from it: a session for the user, an end for jars that hold nothing.
    #[must_use]
    pub fn cookies(&self, exchange: &Exchange<'_>, now: SystemTime) -> Vec<HeaderValue> {
        let jars = &exchange.snapshot().jars;
        let mut lines: Vec<HeaderValue> =
            self.refused.iter().flat_map(|hub| jars.expire_jar(exchange.id(*hub))).collect();
        lines.extend(self.user.as_ref().and_then(|user| exchange.live.own.set_session(user, now)));
        lines
    }
}

/// Asks the hubs one after the other whose browser this is, two seconds in all; the first that knows wins.
pub async fn whose_browser(exchange: &Exchange<'_>, hubs: &[HubIndex]) -> Browsers {
    let mut found = Browsers::default();
    let lookups = &exchange.worker().shared.lookups;
    if !lookups.may_ask(Question::Browser, exchange.client.address, Instant::now()) {
        debug!(client.address = %exchange.client.address, "too many questions about browsers: not asked");
        return found;
    }
    let until = Instant::now() + WITHIN;
    for hub in hubs.iter().filter(|hub| answers(exchange, **hub)) {
        match user_at(exchange, *hub, until.saturating_duration_since(Instant::now())).await {
            Ok(Some(user)) => {
                found.user = Some(user);
                break;
            }
            Ok(None) => found.refused.push(*hub),
            Err(error) => {
                warn!(hub.id = %exchange.id(*hub), %error, "a hub could not say whose browser this is");
            }
        }
    }
    found
}

/// Hubs that are known to be away are not asked: somebody waits for the answer.
fn answers(exchange: &Exchange<'_>, hub: HubIndex) -> bool {
    exchange.snapshot().hub(hub).answers(Plane::Hub) == Answer::Pass
}

async fn user_at(
    exchange: &Exchange<'_>,
    hub: HubIndex,
    within: Duration,
) -> Result<Option<UserName>, HubError> {
    let Some(jar) = exchange.cookies.jar_pairs(exchange.id(hub)) else { return Ok(None) };
    let who = exchange.live.client(hub).whoami(jar, &exchange.browser(), within).await?;
    Ok(who.and_then(|who| UserName::canonical(&who.name, exchange.snapshot().site.names())))
}

/// The hubs that know the token which this request asks about; where no hub does, those that know the client's own.
///
/// # Errors
///
/// The page for somebody whose token cannot be judged now: the client asked too often, or a hub is silent that might
/// know it.
pub async fn whose_token(exchange: &Exchange<'_>) -> Result<Vec<HubIndex>, Page> {
    for token in exchange.tokens() {
        let hubs = hubs_that_know(exchange, &token).await?;
        if !hubs.is_empty() {
            return Ok(hubs);
        }
    }
    Ok(Vec::new())
}

/// Asks every hub whether it knows the token; answers are kept for a while.
async fn hubs_that_know(exchange: &Exchange<'_>, token: &HeaderValue) -> Result<Vec<HubIndex>, Page> {
    let snapshot = exchange.snapshot();
    let lookups = &exchange.worker().shared.lookups;
    let now = Instant::now();
    if let Some(ids) = lookups.token(token.as_bytes(), now) {
        return Ok(ids.iter().filter_map(|id| snapshot.find(id)).collect());
    }
    if !lookups.may_ask(Question::Token, exchange.client.address, now) {
        return Err(Page::TooManyQuestions);
    }
    let (asked, away): (Vec<HubIndex>, Vec<HubIndex>) =
        snapshot.indices().partition(|hub| answers(exchange, *hub));
    let answers =
        join_all(asked.into_iter().map(|hub| async move {
            (hub, exchange.live.client(hub).token_owner(token.clone(), WITHIN).await)
        }))
        .await;
    let mut hubs = Vec::new();
    let mut silent = away.first().copied();
    for (hub, answer) in answers {
        match answer {
            Ok(Some(_)) => hubs.push(hub),
            Ok(None) => {}
            Err(error) => {
                warn!(hub.id = %exchange.id(hub), %error, "a hub could not say whose token this is");
                silent = Some(hub);
            }
        }
    }
    if let Some(hub) = silent.filter(|_| hubs.is_empty()) {
        return Err(silent_hub(exchange, hub));
    }
    let ids = hubs.iter().map(|hub| exchange.id(*hub).clone()).collect();
    lookups.keep_token(token.as_bytes(), ids, silent.is_none(), now);
    Ok(hubs)
}

/// The silent hub may be the one that knows: say so instead of calling the token wrong.
fn silent_hub(exchange: &Exchange<'_>, hub: HubIndex) -> Page {
    let why = match exchange.snapshot().hub(hub).answers(Plane::Hub) {
        Answer::Wait(WaitReason::HubDown | WaitReason::HubPaused) => WaitingFor::HubDown,
        Answer::Wait(WaitReason::HubStarting) => WaitingFor::Starting,
        Answer::Wait(WaitReason::ProxyDown) => WaitingFor::ProxyDown,
        Answer::Pass | Answer::Wait(WaitReason::ProxyPaused) => WaitingFor::Unreachable,
    };
    let retry = Retry::SameUrl { after: Duration::from_secs(5) };
    Page::Waiting(Waiting { hub: exchange.id(hub).clone(), why, retry, notebook: None })
}
