//! An admin changes a user: passed on, unless it would give the user a name that belongs to another hub.
//!
//! The admin page sends the name with every change, so the body has to be looked at; it is small.

use hubrouter_hub_adapter::names::UserName;
use serde::Deserialize;

use super::body::ToHub;
use super::collect;
use super::exchange::Exchange;
use crate::pages::Page;

/// A change of a user is a few words of JSON.
const CHANGE_BYTES: usize = 64 * 1024;

/// What the hub takes (`jupyterhub/apihandlers/users.py`, `UserAPIHandler.patch`), as far as it concerns us.
#[derive(Deserialize)]
struct Change {
    name: Option<String>,
}

/// The body, to be passed on.
///
/// # Errors
///
/// The page that says why it is not.
pub async fn checked(exchange: &Exchange<'_>, body: ToHub) -> Result<ToHub, Page> {
    let body = collect::whole(exchange, body, CHANGE_BYTES).await?;
    let moves = match serde_json::from_slice::<Change>(&body) {
        Ok(change) => change.name.is_some_and(|name| moves_away(exchange, &name)),
        // The hub refuses what it cannot read; so does the router, which could read it otherwise.
        Err(error) => {
            return Err(Page::BadRequest(format!("the change of a user is not the JSON of one: {error}")));
        }
    };
    if moves {
        return Err(Page::NotSupported(
            "this new name belongs to another hub of the site, where the user's files are not; \
             create the new user and move the files instead"
                .into(),
        ));
    }
    Ok(ToHub::from(body))
}

fn moves_away(exchange: &Exchange<'_>, name: &str) -> bool {
    let snapshot = exchange.snapshot();
    let before = exchange.place.owner.as_ref().and_then(|owner| snapshot.owner(owner));
    let after = UserName::canonical(name, snapshot.site.names()).and_then(|user| snapshot.owner(&user));
    before != after
}
