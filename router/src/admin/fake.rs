//! Somebody who carries out orders, for tests: `hub-a` and `hub-b` are there, and only `ada` is known.
//!
//! It remembers orders and answers by what it was told; what a real one does is tested where it is.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::{NameRule, UserName};

use crate::control::operator::{Event, EventPage, Explanation, Operate, Order, Outcome, Refused};

#[derive(Default)]
pub(super) struct Fake {
    pub(super) orders: Mutex<Vec<Order>>,
    /// Every order is refused like this.
    pub(super) refuses: Mutex<Option<Refused>>,
    /// Orders take so long.
    pub(super) takes: Mutex<Duration>,
}

impl Operate for Fake {
    fn order(&self, order: Order) -> BoxFuture<'_, Result<Outcome, Refused>> {
        async move {
            let takes = *self.takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            if let Some(refused) = self.refuses.lock().unwrap().clone() {
                return Err(refused);
            }
            let (dry_run, summary) = (order.dry_run, format!("{} it is", order.what.label()));
            self.orders.lock().unwrap().push(order);
            Ok(Outcome { dry_run, summary, details: vec!["2 users".to_owned()] })
        }
        .boxed()
    }

    fn events(&self, after: Option<u64>, wait: Duration) -> BoxFuture<'_, EventPage> {
        async move {
            if after.is_some() {
                // Nothing happens any more.
                tokio::time::sleep(wait).await;
                return EventPage { last: 7, ..EventPage::default() };
            }
            let text = "hub-a failed over".to_owned();
            let event =
                Event { number: 7, at: 0, kind: "failed_over".to_owned(), hub: None, user: None, text };
            EventPage { events: vec![event], last: 7, missed: false }
        }
        .boxed()
    }

    fn explain(&self, user: &str) -> Result<Explanation, Refused> {
        let user = self.user(user)?.to_string();
        Ok(Explanation {
            user,
            home: "hub-a".to_owned(),
            candidates: Vec::new(),
            owner: "hub-a".to_owned(),
            why: "home".to_owned(),
            because: "placement".to_owned(),
            assignment: None,
            start: "here".to_owned(),
            census: Vec::new(),
        })
    }

    fn hub(&self, id: &str) -> Result<HubId, Refused> {
        let known = ["hub-a", "hub-b"].map(|id| id.parse().unwrap()).to_vec();
        let unknown = Refused::UnknownHub { hub: id.to_owned(), known: known.clone() };
        known.into_iter().find(|hub: &HubId| hub.as_str() == id).ok_or(unknown)
    }

    fn user(&self, name: &str) -> Result<UserName, Refused> {
        let unknown = || Refused::UnknownUser { user: name.to_owned() };
        let user = UserName::canonical(name, NameRule::Lower)
            .ok_or_else(|| Refused::Invalid("that is no user name".to_owned()))?;
        (user.as_str() == "ada").then_some(user).ok_or_else(unknown)
    }
}
