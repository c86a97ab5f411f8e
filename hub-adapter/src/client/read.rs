//! Reads what hubs answer: the model of a user or service, and the token of a login page.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value};

use super::{Kind, Principal, XsrfToken};
use crate::cookies::{token_of, xsrf_of_set_cookie};

type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// Longest name that is believed: JupyterHub's own column holds 255 characters.
const NAME_BYTES: usize = 1024;
/// What a busy hub is taken to mean when it names no time: the lower end of its own default range.
const DEFAULT_RETRY: Duration = Duration::from_secs(30);
/// Longest wish that is passed on.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

/// Who it is, by the model of `GET /hub/api/user` (`apihandlers/users.py`, `SelfAPIHandler`): an object with a `name`,
/// and a `kind` in all but old versions.
pub(super) fn identity(body: &[u8]) -> Result<Principal, Unreadable> {
    let mut model: Map<String, Value> = serde_json::from_slice(body)?;
    let Some(Value::String(name)) = model.remove("name") else { return Err("there is no name in it".into()) };
    let kind = match model.remove("kind") {
        Some(kind) => serde_json::from_value(kind)?,
        None => Kind::User,
    };
    match name.len() {
        1..=NAME_BYTES if !name.contains(char::is_control) => Ok(Principal { kind, name }),
        _ => Err("the name in it is empty, too long or holds control characters".into()),
    }
}

/// The token that a login page sets for a browser that has none.
pub(super) fn xsrf(headers: &HeaderMap) -> Result<XsrfToken, Unreadable> {
    let lines = headers.get_all(header::SET_COOKIE).iter();
    let found = lines.filter_map(|line| Some((line, xsrf_of_set_cookie(line)?))).next();
    let Some((set_cookie, raw)) = found else { return Err("it sets no `_xsrf` cookie".into()) };
    let cookie = HeaderValue::from_str(&format!("_xsrf={raw}"))?;
    Ok(XsrfToken { value: token_of(raw).to_owned(), cookie, set_cookie: set_cookie.clone() })
}

/// What `Retry-After` asks for; dates are not read, no JupyterHub sends them.
pub(super) fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map_or(DEFAULT_RETRY, Duration::from_secs).min(LONGEST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::SET_COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_user_a_service_and_a_model_without_a_kind_are_told_apart() {
        let read = |text: &str| identity(text.as_bytes()).unwrap();
        let is = |kind: Kind, name: &str| Principal { kind, name: name.to_owned() };

        assert_eq!(read(r#"{"kind":"user","name":"ada","admin":false}"#), is(Kind::User, "ada"));
        assert_eq!(read(r#"{"kind":"service","name":"cull"}"#), is(Kind::Service, "cull"));
        assert_eq!(read(r#"{"name":"名前"}"#), is(Kind::User, "名前"));
    }

    #[test]
    fn a_model_that_names_nobody_is_unreadable() {
        let long = format!(r#"{{"name":"{}"}}"#, "a".repeat(NAME_BYTES + 1));
        let bad = [
            "",
            "<html>",
            "[]",
            r#"["ada"]"#,
            "{}",
            r#"{"name":"ada","kind":"ghost"}"#,
            r#"{"name":null}"#,
            r#"{"name":""}"#,
            r#"{"name":"a\nb"}"#,
            &long,
        ];
        for text in bad {
            assert!(identity(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_token_of_a_login_page_is_found_among_other_cookies() {
        let headers = setting(&["a=b", "_xsrf=\"\"; Max-Age=0", "_xsrf=MnwxOj; Path=/hub/; Max-Age=3600"]);

        let token = xsrf(&headers).unwrap();

        assert_eq!(token.value, "MnwxOj");
        assert_eq!(token.cookie, "_xsrf=MnwxOj");
        assert_eq!(token.set_cookie, "_xsrf=MnwxOj; Path=/hub/; Max-Age=3600");
    }

    #[test]
    fn a_quoted_token_goes_into_the_form_without_its_quotes() {
        let token = xsrf(&setting(&["_xsrf=\"abc=\"; Path=/hub/"])).unwrap();

        assert_eq!((token.value.as_str(), token.cookie.to_str().unwrap()), ("abc=", "_xsrf=\"abc=\""));
    }

    #[test]
    fn a_page_that_sets_no_token_is_unreadable() {
        for lines in [&[][..], &["_xsrf="], &["x_xsrf=1"], &["_xsrf"], &["_xsrf=\"\"; Max-Age=0"]] {
            assert!(xsrf(&setting(lines)).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn a_wish_for_time_is_bounded_and_has_a_default() {
        let wish = |text: &'static str| {
            retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(text))]))
        };

        assert_eq!(wish("7"), Duration::from_secs(7));
        assert_eq!(wish("99999999"), LONGEST_RETRY);
        assert_eq!(wish("Wed, 21 Oct 2026 07:28:00 GMT"), DEFAULT_RETRY);
        assert_eq!(retry_after(&HeaderMap::new()), DEFAULT_RETRY);
    }
}
