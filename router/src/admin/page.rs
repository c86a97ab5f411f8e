//! What an address of the operator's door means. Who may open it and what it answers is left to `answer`.

use http::Method;
use hubrouter_config::Role;
use percent_encoding::percent_decode_str;

use super::verbs::{About, Verb};

/// What there is behind the door.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page {
    Live,
    Ready,
    Metrics,
    Status,
    /// The hubs of the status.
    Hubs,
    /// What happened.
    Events,
    /// Where this user is, and why.
    User(String),
    /// An order about this hub or user.
    Order(Verb, String),
}

impl Page {
    /// The page of this path; segments are percent-decoded once. None: there is no such page.
    pub(super) fn at(path: &str) -> Option<Page> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let order =
            |about, word: &str, target: &str| Some(Page::Order(Verb::find(about, word)?, decoded(target)?));
        match segments[..] {
            ["livez"] => Some(Page::Live),
            ["readyz"] => Some(Page::Ready),
            ["metrics"] => Some(Page::Metrics),
            ["status"] => Some(Page::Status),
            ["hubs"] => Some(Page::Hubs),
            ["events"] => Some(Page::Events),
            ["users", name] => Some(Page::User(decoded(name)?)),
            ["hubs", hub, word] => order(About::Hub, word, hub),
            ["users", name, word] => order(About::User, word, name),
            ["placement", word] => order(About::Site, word, "-"),
            _ => None,
        }
    }

    /// The methods that it takes.
    pub(super) fn allowed(&self) -> &'static str {
        match self {
            Page::Order(..) => "POST",
            Page::Live
            | Page::Ready
            | Page::Metrics
            | Page::Status
            | Page::Hubs
            | Page::Events
            | Page::User(_) => "GET, HEAD",
        }
    }

    pub(super) fn takes(&self, method: &Method) -> bool {
        self.allowed().split(", ").any(|allowed| allowed == method.as_str())
    }

    /// What whoever opens it must be; none: anybody may.
    pub(super) fn needs(&self) -> Option<Role> {
        match self {
            Page::Live | Page::Ready | Page::Metrics => None,
            Page::Status | Page::Hubs | Page::Events | Page::User(_) => Some(Role::Read),
            Page::Order(..) => Some(Role::Operate),
        }
    }
}

fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_found_where_the_command_line_posts_it() {
        for verb in Verb::ALL {
            let target = if verb.about() == About::Site { "-" } else { "a/b %é" };
            assert_eq!(Page::at(&verb.path(target)), Some(Page::Order(verb, target.to_owned())));
        }
    }

    #[test]
    fn a_verb_about_hubs_is_none_about_users_and_what_is_no_text_is_no_page() {
        for path in [
            "/users/ada/drain",
            "/hubs/a/move",
            "/placement/drain",
            "/users/%ff",
            "/users/",
            "/users//pin",
            "/hubs/a",
            "/hubs/a/drain/",
            "//status",
            "/status/",
            "*",
            "",
        ] {
            assert_eq!(Page::at(path), None, "{path}");
        }
    }

    #[test]
    fn orders_are_posted_by_operators_and_everything_else_is_read() {
        let order = Page::at("/hubs/a/drain").unwrap();
        assert!(order.takes(&Method::POST) && !order.takes(&Method::GET));
        assert_eq!(order.needs(), Some(Role::Operate));
        for path in ["/status", "/hubs", "/events", "/users/ada"] {
            let page = Page::at(path).unwrap();
            assert!(page.takes(&Method::GET) && page.takes(&Method::HEAD) && !page.takes(&Method::POST));
            assert_eq!(page.needs(), Some(Role::Read), "{path}");
        }
        assert_eq!(Page::at("/livez").unwrap().needs(), None);
    }
}
