//! What a hub gets to see of the browser on whose behalf it is asked.
//!
//! Cookies and tokens are added by each call; here is only where the browser is and what it calls itself.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use hubrouter_config::Scheme;

/// The browser on whose behalf a hub is called: hubs tie their tokens to what they see of it.
#[derive(Clone, Debug)]
pub struct Browser {
    /// `Host` as the browser sent it, port included.
    pub host: HeaderValue,
    /// The browser's address, as sent to hubs in `X-Real-IP`.
    pub client_ip: IpAddr,
    /// `User-Agent` as the browser sent it; none when it sent none.
    pub user_agent: Option<HeaderValue>,
    /// The scheme by which the browser sees the site.
    pub scheme: Scheme,
}

impl Browser {
    /// What hubs see of the browser: its `Host`, address, scheme and `User-Agent`.
    pub(super) fn headers(&self) -> HeaderMap {
        let scheme = HeaderValue::from_static(self.scheme.as_str());
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.host.clone());
        if let Ok(ip) = HeaderValue::from_str(&self.client_ip.to_string()) {
            headers.insert("x-real-ip", ip.clone());
            headers.insert("x-forwarded-for", ip);
        }
        // A hub behind its proxy takes the last element of the list, which its proxy spoils: X-Scheme is kept.
        headers.insert("x-scheme", scheme.clone());
        headers.insert("x-forwarded-proto", scheme);
        if let Some(user_agent) = &self.user_agent {
            headers.insert(header::USER_AGENT, user_agent.clone());
        }
        headers
    }
}

/// Whether a header of the browser leaves the question what it is: neither who asks, nor how the bytes travel, nor
/// what the router itself says about the browser.
pub(super) fn may_be_added(name: &HeaderName) -> bool {
    const NEVER: [HeaderName; 12] = [
        header::ACCEPT_ENCODING,
        header::AUTHORIZATION,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::COOKIE,
        header::EXPECT,
        header::FORWARDED,
        header::HOST,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::USER_AGENT,
    ];
    let text = name.as_str();
    let said_by_us = text.starts_with("x-forwarded-") || text == "x-real-ip" || text == "x-scheme";
    !NEVER.contains(name) && !said_by_us && !text.starts_with("sec-fetch-")
}
