//! Where a URL leads: the owner, service or hub that a `Location`, a `next` or a `Referer` names.
//!
//! Only what the URL says by itself. That everything else belongs to the owner hub of the user who follows it, and
//! whether a login bounces, is decided by the router.

use std::borrow::Cow;

use http::Method;

use crate::address::{Act, Place, classify_nested, next_of};
use crate::names::UserName;
use crate::site::Site;

/// How many addresses inside addresses are followed (`login?next=authorize?redirect_uri=...` has two).
const DEEPEST: u8 = 4;

/// Whom a URL names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dest {
    /// An owner: in the path, or behind the OAuth hop.
    Owner(UserName),
    /// A service: in the path, or behind the OAuth hop.
    Service(String),
    /// A hub: `/_hubrouter/hub/<id>`, not checked against the configuration.
    Hub(String),
    /// Nobody: the page belongs to whoever asks, or the URL leads off the site, or it is no good.
    Nobody,
}

/// [`destination_at`] without the host of a request: only paths and the site's own configured hosts count.
pub fn destination(site: &Site, url: &str) -> Dest {
    destination_at(site, None, url)
}

/// Whom `url` names, decoded as it stands in a `Location` or `Referer` (or a `next` that was decoded once).
///
/// `host` is the request's `Host`; an absolute URL counts only if it has that or one of the site's own hosts. The
/// `next` inside a login's URL is followed.
pub fn destination_at(site: &Site, host: Option<&str>, url: &str) -> Dest {
    destination_nested(site, host, url, 0)
}

/// `next` as a path on this site, ready to redirect to; `None` if it leads or could lead anywhere else.
///
/// A path begins with exactly one `/`; an absolute URL must be the site's own and loses scheme and host. Neither may
/// hold `\` or control characters, which browsers read as `/` or pass over.
pub fn safe_next(site: &Site, host: Option<&str>, next: &str) -> Option<String> {
    own_path(site, host, next).map(Cow::into_owned)
}

/// The address on this site that `url` means; `None` off-site or if it is no good. `host` is the `Host` of the request that
/// brought it: an absolute URL has to name it.
#[must_use]
pub fn place_at(site: &Site, host: Option<&str>, url: &str) -> Option<Place> {
    place_nested(site, host, url, 0)
}

pub(crate) fn destination_nested(site: &Site, host: Option<&str>, url: &str, depth: u8) -> Dest {
    let Some(place) = place_nested(site, host, url, depth) else { return Dest::Nobody };
    let login = matches!(place.row.act, Act::LoginPage | Act::LoginForm | Act::OAuthLogin);
    match (place.owner, place.service, place.chosen) {
        (Some(owner), _, _) => Dest::Owner(owner),
        (None, Some(service), _) => Dest::Service(service),
        (None, None, Some(hub)) => Dest::Hub(hub),
        (None, None, None) if login => {
            let next = own_path(site, host, url).and_then(|own| next_of(split_path(&own).1));
            next.map_or(Dest::Nobody, |next| destination_nested(site, host, &next, depth + 1))
        }
        (None, None, None) => Dest::Nobody,
    }
}

/// The address that a URL of this site means when a browser follows it; `None` off-site or if it is no good.
fn place_nested(site: &Site, host: Option<&str>, url: &str, depth: u8) -> Option<Place> {
    if depth > DEEPEST {
        return None;
    }
    let own = own_path(site, host, url)?;
    let (path, query) = split_path(&own);
    classify_nested(site, &Method::GET, path, query, depth + 1).ok()
}

/// Path, query and fragment of a URL of this site; `None` for any other, and for what browsers could read as another.
pub(crate) fn own_path<'a>(site: &Site, host: Option<&str>, url: &'a str) -> Option<Cow<'a, str>> {
    if url.contains(|c: char| c == '\\' || c.is_control()) {
        return None;
    }
    let path = if url.starts_with('/') {
        Cow::Borrowed(url)
    } else {
        let (scheme, rest) = url.split_once("://")?;
        let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !web || !site.is_own(scheme, authority, host) {
            return None;
        }
        if rest.starts_with('/') { Cow::Borrowed(rest) } else { Cow::Owned(format!("/{rest}")) }
    };
    // `//host` is another site, also when it was the path of an own URL.
    (!path.starts_with("//")).then_some(path)
}

/// Path and query, without the fragment.
pub(crate) fn split_path(url: &str) -> (&str, Option<&str>) {
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::NameRule;

    fn site() -> Site {
        Site::new("/".parse().unwrap(), NameRule::Lower, ["site.example".to_owned()])
    }

    fn owner(name: &str) -> Dest {
        Dest::Owner(UserName::canonical(name, NameRule::Lower).unwrap())
    }

    #[test]
    fn an_owner_is_found_in_paths_and_behind_the_oauth_hop() {
        for url in [
            "/user/Bob/lab?x=1#y",
            "/user/bob",
            "/hub/user/bob/tree",
            "/hub/spawn/bob",
            "/hub/spawn-pending/bob",
            "/hub/api/oauth2/authorize?client_id=jupyterhub-user-bob&redirect_uri=%2Fuser%2Fbob%2Foauth_callback",
            "/hub/accept-share?code=1&next=%2Fuser%2Fbob%2F",
            "https://site.example/user/bob/lab",
            "HTTPS://SITE.example:443/user/bob/lab",
        ] {
            assert_eq!(destination(&site(), url), owner("bob"), "{url}");
        }
    }

    #[test]
    fn the_next_of_a_login_is_followed_into_the_oauth_hop() {
        let hop = "%2Fhub%2Fapi%2Foauth2%2Fauthorize%3Fclient_id%3Djupyterhub-user-a-b\
                   %26redirect_uri%3D%252Fuser%252Fa%252Fb%252Foauth_callback";
        assert_eq!(destination(&site(), &format!("/hub/login?next={hop}")), owner("a"));
        assert_eq!(destination(&site(), &format!("/hub/oauth_login?next={hop}")), owner("a"));
        assert_eq!(
            destination(&site(), "/hub/login?next=%2Fhub%2Flogin%3Fnext%3D%252Fuser%252Fbob%252F"),
            owner("bob")
        );
    }

    #[test]
    fn a_next_inside_a_next_ends_somewhere() {
        let endless = "/hub/accept-share?next=".repeat(2_000) + "/user/bob/";
        assert_eq!(destination(&site(), &endless), Dest::Nobody);
        let endless = "/hub/login?next=".repeat(2_000) + "/user/bob/";
        assert_eq!(destination(&site(), &endless), Dest::Nobody);
    }

    #[test]
    fn services_and_chosen_hubs_are_found() {
        let grader = Dest::Service("grader".to_owned());
        assert_eq!(destination(&site(), "/services/grader/x"), grader);
        assert_eq!(destination(&site(), "/hub/api/oauth2/authorize?client_id=service-grader"), grader);
        assert_eq!(destination(&site(), "/_hubrouter/hub/hub-b"), Dest::Hub("hub-b".to_owned()));
    }

    #[test]
    fn pages_of_the_visitor_name_nobody() {
        for url in [
            "/hub/home",
            "/hub/spawn?next=%2Fuser%2Fbob%2F",
            "/hub/user-redirect/lab",
            "/hub/login",
            "/hub/login?next=",
            "/_hubrouter/hub/",
            "/",
            "",
        ] {
            assert_eq!(destination(&site(), url), Dest::Nobody, "{url}");
        }
    }

    #[test]
    fn other_sites_and_bad_paths_name_nobody() {
        for url in [
            "https://evil.example/user/bob/",
            "https://site.example@evil.example/user/bob/",
            "https://site.example:8443/user/bob/",
            "//site.example/user/bob/",
            "//evil.example/user/bob/",
            "/\\evil.example/user/bob/",
            "ftp://site.example/user/bob/",
            "user/bob/",
            "/user/alice/../bob",
            "/hub/login?next=https%3A%2F%2Fevil.example%2Fuser%2Fbob%2F",
        ] {
            assert_eq!(destination(&site(), url), Dest::Nobody, "{url}");
        }
    }

    #[test]
    fn the_host_of_the_request_makes_an_absolute_url_the_sites_own() {
        let site = Site::new("/jhub/".parse().unwrap(), NameRule::Lower, []);
        let referer = "http://127.0.0.1:8000/jhub/user/bob/lab";
        assert_eq!(destination_at(&site, Some("127.0.0.1:8000"), referer), owner("bob"));
        assert_eq!(destination_at(&site, Some("127.0.0.1:8001"), referer), Dest::Nobody);
        assert_eq!(destination(&site, referer), Dest::Nobody);
    }

    #[test]
    fn a_safe_next_is_a_path_of_this_site() {
        let safe = |next: &str| safe_next(&site(), Some("other.example"), next);
        assert_eq!(safe("/user/bob/?a=b#c").as_deref(), Some("/user/bob/?a=b#c"));
        assert_eq!(safe("https://site.example/hub/home").as_deref(), Some("/hub/home"));
        assert_eq!(safe("http://other.example?x").as_deref(), Some("/?x"));
        for next in [
            "",
            "hub/home",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://site.example//evil.example",
            "https://site.example\\@evil.example/",
            "https:evil.example",
            "https://evil.example/",
            "javascript://site.example/%0aalert(1)",
            "/\t/evil.example",
            " //evil.example",
            "/a\r\nSet-Cookie: x=y",
        ] {
            assert_eq!(safe(next), None, "{next:?}");
        }
    }
}
