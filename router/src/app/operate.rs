//! Who carries out the orders of operators. In this release nobody does: each is refused with that reason.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use crate::control::operator::{EventPage, Explanation, Operate, Order, Outcome, Refused};

/// Refuses every order, and knows of no events.
pub(super) struct NotInThisRelease;

fn refused() -> Refused {
    Refused::Unavailable("this release carries out no orders and keeps no events yet".to_owned())
}

impl Operate for NotInThisRelease {
    fn order(&self, _order: Order) -> BoxFuture<'_, Result<Outcome, Refused>> {
        ready(Err(refused())).boxed()
    }

    fn events(&self, after: Option<u64>, wait: Duration) -> BoxFuture<'_, EventPage> {
        let nothing = EventPage { last: after.unwrap_or(0), ..EventPage::default() };
        async move {
            tokio::time::sleep(wait).await;
            nothing
        }
        .boxed()
    }

    fn explain(&self, _user: &str) -> Result<Explanation, Refused> {
        Err(refused())
    }

    fn hub(&self, _id: &str) -> Result<HubId, Refused> {
        Err(refused())
    }

    fn user(&self, _name: &str) -> Result<UserName, Refused> {
        Err(refused())
    }
}
