//! From a [`Content`] to the bytes of a response, in the kind that the client can read.
//!
//! What is said is decided in `content`; every value is escaped here and nowhere else.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

use super::content::{Act, Content};
use super::look::{POLICY, STYLE};
use super::{Chrome, Wants};

/// The response that carries `content`.
pub(super) fn response(content: &Content, wants: Wants, chrome: &Chrome) -> Response<Bytes> {
    let (kind, body) = match wants {
        Wants::Html => ("text/html; charset=utf-8", page(content, chrome).into_string()),
        Wants::Json => ("application/json; charset=utf-8", json(content, chrome).to_string()),
        Wants::Text => ("text/plain; charset=utf-8", line(&content.for_scripts())),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = content.status;
    let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    set(CONTENT_TYPE, HeaderValue::from_static(kind));
    set(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set(CONTENT_SECURITY_POLICY, POLICY.clone());
    set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(seconds) = content.retry_after {
        set(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(methods) = content.allow {
        set(ALLOW, HeaderValue::from_static(methods));
    }
    response
}

/// One line, whatever a name contains: a terminal shows it as it is.
fn line(message: &str) -> String {
    let line = message.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    line.chain(['\n']).collect()
}

/// `status` and `message` as a hub's REST API has them, then what the page adds.
fn json(content: &Content, chrome: &Chrome) -> Value {
    let mut object = Map::new();
    object.insert("status".into(), content.status.as_u16().into());
    object.insert("message".into(), content.for_scripts().into());
    object.extend(content.extras.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    if let Some(seconds) = content.retry_after {
        object.insert("retry_after".into(), seconds.into());
    }
    if let Some(id) = &chrome.request_id {
        object.insert("request_id".into(), id.as_str().into());
    }
    Value::Object(object)
}

fn page(content: &Content, chrome: &Chrome) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                @if let Some(seconds) = content.refresh { meta http-equiv="refresh" content=(seconds); }
                title { (content.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                @if let Some(hub) = &chrome.chosen_hub { (banner(hub.as_ref(), chrome)) }
                main {
                    h1 { (content.title) }
                    (says(content))
                    @if !content.acts.is_empty() { (acts(content)) }
                    @if !content.hubs.is_empty() { (hubs(content, chrome)) }
                    (footer(content, chrome))
                }
            }
        }
    }
}

/// A chosen hub is never forgotten, because every page of ours says so.
fn banner(hub: &str, chrome: &Chrome) -> Markup {
    html! {
        div.banner {
            "This browser has chosen the hub " code { (hub) } ". "
            a href=(chrome.chosen("")) { "Stop choosing" }
        }
    }
}

fn says(content: &Content) -> Markup {
    let paragraphs = html! {
        p { (content.what) }
        @for paragraph in &content.people { p { (paragraph) } }
        @if !content.points.is_empty() { ul { @for point in &content.points { li { (point) } } } }
    };
    html! {
        @if content.refresh.is_some() {
            div role="status" { (paragraphs) }
            div.bar aria-hidden="true" { i {} }
        } @else { (paragraphs) }
    }
}

fn hubs(content: &Content, chrome: &Chrome) -> Markup {
    html! {
        p { (content.choose) }
        ul {
            @for hub in &content.hubs { li { a href=(chrome.chosen(hub.as_ref())) { code { (hub) } } } }
        }
    }
}

fn acts(content: &Content) -> Markup {
    html! {
        div.acts {
            @for (place, act) in content.acts.iter().enumerate() {
                @let class = if place == 0 { "act first" } else { "act" };
                @match act {
                    Act::Go(link) => { a class=(class) href=(link.url) { (link.text) } }
                    Act::Post(link) => {
                        form method="post" action=(link.url) { button class=(class) type="submit" { (link.text) } }
                    }
                    Act::Declare(rescue, text) => {
                        form method="post" action=(rescue.action) {
                            input type="hidden" name="token" value=(rescue.token);
                            button.act.grave type="submit" { (text) }
                        }
                    }
                }
            }
        }
    }
}

/// What somebody who is asked for help wants to know, and nothing secret.
fn footer(content: &Content, chrome: &Chrome) -> Markup {
    let failed = !content.status.is_success();
    html! {
        @if failed || chrome.request_id.is_some() {
            footer {
                @if failed {
                    "Status " (content.status.as_u16())
                    @if let Some(why) = content.extra("why") { " · " (why) }
                    @if let Some(hub) = content.extra("hub") { " · hub " code { (hub) } }
                    @if chrome.request_id.is_some() { " · " }
                }
                @if let Some(id) = &chrome.request_id { "request " code { (id) } }
            }
        }
    }
}
