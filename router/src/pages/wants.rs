//! Who reads an answer of the router: a person in a browser, a script, or something that only looks at the status.
//!
//! Decided from the request alone, so that the same request always gets the same kind of answer.

use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, Method};

/// The kind of answer that a client can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// A page: the browser shows the answer to a person.
    Html,
    /// A JSON object: a script reads the answer, as it reads those of a hub's REST API.
    Json,
    /// One line of plain text: images, WebSockets, command line tools.
    Text,
}

/// What the sender of a request wants to read.
///
/// Browsers say it themselves (`Sec-Fetch-Mode`, Fetch Metadata 2.3); on plain http sites they do not, and `Accept`
/// (RFC 9110, 12.5.1) and the `/api/` of JupyterHub's and Jupyter Server's REST addresses have to tell.
pub fn wants(method: &Method, path: &str, headers: &HeaderMap) -> Wants {
    match text(headers, "sec-fetch-mode") {
        Some("navigate") => Wants::Html,
        Some("cors" | "same-origin") => Wants::Json,
        Some("no-cors" | "websocket") => Wants::Text,
        _ => by_accept(method, path, headers),
    }
}

fn by_accept(method: &Method, path: &str, headers: &HeaderMap) -> Wants {
    if headers.contains_key("x-requested-with") {
        return Wants::Json;
    }
    let (html, json) = accepted(headers);
    let navigates = matches!(*method, Method::GET | Method::HEAD | Method::POST);
    if html > json && navigates {
        Wants::Html
    } else if json > 0 || path.contains("/api/") || headers.contains_key(AUTHORIZATION) {
        Wants::Json
    } else {
        Wants::Text
    }
}

/// The best quality, in thousandths, at which HTML and JSON are named; wildcards name neither.
fn accepted(headers: &HeaderMap) -> (u32, u32) {
    let (mut html, mut json) = (0, 0);
    let fields = headers.get_all(ACCEPT).iter().filter_map(|field| field.to_str().ok());
    for range in fields.flat_map(|field| field.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
        match kind.as_str() {
            "text/html" | "application/xhtml+xml" => html = html.max(quality),
            _ if kind == "application/json" || kind.ends_with("+json") => json = json.max(quality),
            _ => {}
        }
    }
    (html, json)
}

/// A quality value (RFC 9110, 12.4.2) in thousandths; what is none counts as 0, as if the type were not named.
fn thousandths(quality: &str) -> u32 {
    match quality.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => (value * 1000.0) as u32,
        _ => 0,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const FIREFOX: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    const JQUERY: &str = "application/json, text/javascript, */*; q=0.01";

    fn of(method: &Method, path: &str, fields: &[(&'static str, &'static str)]) -> Wants {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        wants(method, path, &headers)
    }

    fn get(fields: &[(&'static str, &'static str)]) -> Wants {
        of(&Method::GET, "/user/ada/lab", fields)
    }

    #[test]
    fn a_browser_that_navigates_gets_a_page_whatever_it_accepts_and_wherever_it_goes() {
        let navigation = [("sec-fetch-mode", "navigate"), ("accept", "application/json")];

        assert_eq!(get(&navigation), Wants::Html);
        assert_eq!(of(&Method::POST, "/login", &navigation), Wants::Html);
        assert_eq!(of(&Method::GET, "/api/oauth2/authorize", &navigation), Wants::Html);
    }

    #[test]
    fn a_script_of_a_page_gets_json_and_an_image_or_a_socket_one_line() {
        assert_eq!(get(&[("sec-fetch-mode", "cors"), ("accept", "*/*")]), Wants::Json);
        assert_eq!(get(&[("sec-fetch-mode", "same-origin"), ("accept", FIREFOX)]), Wants::Json);
        assert_eq!(get(&[("sec-fetch-mode", "no-cors"), ("accept", "image/avif,*/*")]), Wants::Text);
        assert_eq!(get(&[("sec-fetch-mode", "websocket")]), Wants::Text);
    }

    #[test]
    fn without_fetch_metadata_the_accept_field_tells_a_navigation_from_a_script() {
        assert_eq!(get(&[("accept", FIREFOX)]), Wants::Html);
        assert_eq!(of(&Method::POST, "/login", &[("accept", FIREFOX)]), Wants::Html);
        assert_eq!(of(&Method::GET, "/api/oauth2/authorize", &[("accept", FIREFOX)]), Wants::Html);
        assert_eq!(get(&[("accept", JQUERY)]), Wants::Json);
        assert_eq!(get(&[("accept", "application/jupyterhub-pagination+json")]), Wants::Json);
        assert_eq!(get(&[("accept", FIREFOX), ("x-requested-with", "XMLHttpRequest")]), Wants::Json);
    }

    #[test]
    fn the_better_quality_wins_and_a_tie_goes_to_the_script() {
        assert_eq!(get(&[("accept", "text/html;q=0.4, application/json")]), Wants::Json);
        assert_eq!(get(&[("accept", "application/json;q=0.4"), ("accept", "text/html")]), Wants::Html);
        assert_eq!(get(&[("accept", "text/html, application/json")]), Wants::Json);
        assert_eq!(get(&[("accept", "TEXT/HTML;level=1;q=0.5, application/json;q=0")]), Wants::Html);
    }

    #[test]
    fn a_method_that_no_link_or_form_has_never_gets_a_page_without_fetch_metadata() {
        assert_eq!(of(&Method::DELETE, "/user/ada/x", &[("accept", FIREFOX)]), Wants::Text);
        assert_eq!(of(&Method::PUT, "/user/ada/api/contents/x", &[("accept", FIREFOX)]), Wants::Json);
    }

    #[test]
    fn a_tool_gets_json_below_api_or_with_a_token_and_text_elsewhere() {
        assert_eq!(of(&Method::GET, "/user/ada/api/kernels", &[("accept", "*/*")]), Wants::Json);
        assert_eq!(get(&[("authorization", "token x"), ("accept", "*/*")]), Wants::Json);
        assert_eq!(get(&[("accept", "*/*")]), Wants::Text);
        assert_eq!(get(&[]), Wants::Text);
    }

    #[test]
    fn unreadable_fields_count_as_absent() {
        assert_eq!(get(&[("accept", "text/html;q=2, application/json;q=nan")]), Wants::Text);
        assert_eq!(get(&[("sec-fetch-mode", "surprise"), ("accept", FIREFOX)]), Wants::Html);
    }
}
