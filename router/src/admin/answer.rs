//! What the operator's door answers: from a request and a view to a response. No sockets here.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body::Body;
use hubrouter_config::Role;
use serde::Serialize;
use tokio::sync::watch;

use super::access::{Denied, Guesses};
use super::events::{Since, Waiting};
use super::orders::{self, Operator, Wish};
use super::page::Page;
use super::refusal::Refusal;
use super::respond::{Answer, json, text};
use super::{AdminView, HubReport, Readiness, body};

/// The door: what all connections share.
pub(super) struct Door {
    view: Arc<dyn AdminView>,
    guesses: Guesses,
    waiting: Waiting,
}

/// The hubs of the status, under the same name.
#[derive(Serialize)]
struct Hubs {
    hubs: Vec<HubReport>,
}

impl Door {
    /// A door that shows `view`; whoever waits for events goes when `ending` says true.
    pub(super) fn new(view: Arc<dyn AdminView>, ending: watch::Receiver<bool>) -> Self {
        Self { view, guesses: Guesses::default(), waiting: Waiting::until(ending) }
    }

    /// The answer to one request that came from `from` at `now`.
    pub(super) async fn answer<B>(&self, request: Request<B>, from: IpAddr, now: Instant) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.find(request, from, now).await.unwrap_or_else(Refusal::answer)
    }

    async fn find<B>(&self, request: Request<B>, from: IpAddr, now: Instant) -> Result<Answer, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let page = Page::at(head.uri.path()).ok_or_else(Refusal::no_page)?;
        if !page.takes(&head.method) {
            return Err(Refusal::method(page.allowed()));
        }
        let role = self.let_in(&page, &head.headers, from, now)?;
        let view = &*self.view;
        Ok(match page {
            Page::Live => text(StatusCode::OK, "alive"),
            Page::Ready => ready(&view.readiness()),
            Page::Metrics => {
                text(StatusCode::NOT_FOUND, "this release has no metrics yet; /status has numbers")
            }
            Page::Status => json(StatusCode::OK, &view.status()),
            Page::Hubs => json(StatusCode::OK, &Hubs { hubs: view.status().hubs }),
            Page::User(name) => json(StatusCode::OK, &view.operate().explain(&name)?),
            Page::Events => {
                let since = Since::read(head.uri.query())?;
                json(StatusCode::OK, &self.waiting.page(view.operate(), since).await?)
            }
            Page::Order(verb, target) => {
                body::check_sender(&head.headers)?;
                let wish = Wish { verb, target, body: body::read(body).await? };
                let (view, operator) = (Arc::clone(&self.view), Operator { role, from });
                json(StatusCode::OK, &orders::carry_out(view, operator, wish, orders::WITHIN).await?)
            }
        })
    }

    /// The role of whoever opens this page, if it reaches that far.
    fn let_in(&self, page: &Page, headers: &HeaderMap, from: IpAddr, now: Instant) -> Result<Role, Refusal> {
        let Some(needed) = page.needs() else { return Ok(Role::Read) };
        match self.view.access().check(headers.get(header::AUTHORIZATION), needed) {
            Ok(role) => Ok(role),
            Err(Denied::Wrong) => Err(self.guesses.count(from, now).into()),
            Err(denied @ (Denied::Nameless | Denied::TooMany(_))) => Err(denied.into()),
            Err(denied @ (Denied::Role(_) | Denied::NoTokens)) => {
                let refusal = Refusal::from(denied);
                if let Page::Order(verb, target) = page {
                    // Whoever is let in and may not order is a reader.
                    orders::note_denied(Operator { role: Role::Read, from }, *verb, target, &refusal);
                }
                Err(refusal)
            }
        }
    }
}

fn ready(readiness: &Readiness) -> Answer {
    match readiness {
        Readiness::Ready => text(StatusCode::OK, "ready"),
        Readiness::NotReady(why) => text(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {why}")),
    }
}
