//! Users who declare their own server lost, whose hub is gone.
//!
//! What the page says about it stands in `pages`; its address is in the table of `hub-adapter`.

use http::Response;

use super::body::ToClient;
use super::exchange::Exchange;
use super::reply;
use crate::pages::Page;

/// Answers the form of [`Page::HubGone`]. No page of this release offers that form, so whoever sends it has it from elsewhere.
#[must_use]
pub fn declared_lost(exchange: &Exchange<'_>) -> Response<ToClient> {
    reply::page(exchange, &Page::NotFound, None)
}
