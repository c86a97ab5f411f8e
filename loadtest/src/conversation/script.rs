//! What a conversation is made of, and a short way to write one down.
//!
//! Data only; playing is `player.rs`, what is kept of an answer is `keep.rs`.

use serde::{Deserialize, Serialize};

/// A scripted conversation with a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Which subject it belongs to: the folder of its recording.
    pub group: String,
    /// Its name within the group: the recording's file name.
    pub name: String,
    /// What it shows, in one sentence.
    pub shows: String,
    /// What the hub must have beyond the usual: `provider` (logins by OAuth), `limit` (one start at a time).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// What is said, in order.
    pub steps: Vec<Step>,
}

/// One request of a conversation.
///
/// `path`, `body` and header values may hold placeholders: `{base}`; `{ada}`, `{bob}`, `{lab}` and the like (a fresh
/// user name of each run; `{ada/}` is the same as a path segment); `{host}`; `{location}` (the last answer's
/// redirect); `{xsrf}` (this client's token for the hub's pages), `{xsrf:PATH}` for those below a path;
/// `{cookie:NAME}`; and whatever a step remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Who speaks; each client has its own cookies.
    pub client: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers besides `Host`, `Cookie` and `User-Agent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Texts whose presence in a page is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needles: Vec<String>,
    /// Values for later steps: name, and a JSON pointer into the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remember: Vec<(String, String)>,
    /// Cookies to plant (`name=value@path`) or to throw away (`-name`) before it is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// Keep only the kinds of the JSON's values: for lists that depend on what else the hub holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shape_only: bool,
    /// Not kept: it only prepares the next step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aside: bool,
}

/// Begins a conversation.
pub(super) fn conversation(group: &str, name: &str, shows: &str, steps: Vec<Vec<Step>>) -> Conversation {
    Conversation {
        group: group.to_owned(),
        name: name.to_owned(),
        shows: shows.to_owned(),
        needs: Vec::new(),
        steps: steps.into_iter().flatten().collect(),
    }
}

impl Conversation {
    /// Adds a need.
    pub(super) fn needing(mut self, need: &str) -> Conversation {
        self.needs.push(need.to_owned());
        self
    }
}

/// A step of the client `browser`.
pub(super) fn say(method: &str, path: &str) -> Step {
    Step {
        client: "browser".to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: None,
        needles: Vec::new(),
        remember: Vec::new(),
        cookies: Vec::new(),
        shape_only: false,
        aside: false,
    }
}

/// A GET of the client `browser`.
pub(super) fn get(path: &str) -> Step {
    say("GET", path)
}

impl Step {
    /// Another client says it.
    pub(super) fn by(mut self, client: &str) -> Step {
        self.client = client.to_owned();
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Step {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a remembered API token.
    pub(super) fn token(self, name: &str) -> Step {
        self.header("Authorization", &format!("token {{{name}}}"))
    }

    /// With a form's fields, already encoded.
    pub(super) fn form(mut self, body: &str) -> Step {
        self.body = Some(body.to_owned());
        self.header("Content-Type", "application/x-www-form-urlencoded")
    }

    /// With a JSON body.
    pub(super) fn json(mut self, body: &str) -> Step {
        self.body = Some(body.to_owned());
        self.header("Content-Type", "application/json")
    }

    /// Keeps whether the page holds `text`.
    pub(super) fn looks(mut self, text: &str) -> Step {
        self.needles.push(text.to_owned());
        self
    }

    /// Remembers a value of the JSON answer.
    pub(super) fn remember(mut self, name: &str, pointer: &str) -> Step {
        self.remember.push((name.to_owned(), pointer.to_owned()));
        self
    }

    /// Plants a cookie (`name=value@path`) or throws one away (`-name`) first.
    pub(super) fn cookie(mut self, change: &str) -> Step {
        self.cookies.push(change.to_owned());
        self
    }

    /// Keeps only the kinds of JSON values.
    pub(super) fn shape(mut self) -> Step {
        self.shape_only = true;
        self
    }

    /// Is not kept.
    pub(super) fn aside(mut self) -> Step {
        self.aside = true;
        self
    }
}

impl From<Step> for Vec<Step> {
    fn from(step: Step) -> Vec<Step> {
        vec![step]
    }
}

/// Logs `user` (a placeholder) in by form, as `client`; not kept.
pub(super) fn login(client: &str, user: &str) -> Vec<Step> {
    vec![
        get("{base}hub/login").by(client).aside(),
        say("POST", "{base}hub/login?next=%2Fhub%2Fhome")
            .form(&format!("username={user}&password=pw&_xsrf={{xsrf}}"))
            .by(client)
            .aside(),
    ]
}

/// Makes an API token of the client's own user and remembers it as `name`; not kept.
pub(super) fn own_token(client: &str, user: &str, name: &str) -> Vec<Step> {
    vec![
        say("POST", &format!("{{base}}hub/api/users/{user}/tokens?_xsrf={{xsrf}}"))
            .json("{}")
            .remember(name, "/token")
            .by(client)
            .aside(),
    ]
}

/// An admin, with an API token remembered as `admin_token`; not kept.
pub(super) fn admin() -> Vec<Step> {
    [login("admin", "admin"), own_token("admin", "admin", "admin_token")].concat()
}

/// Waits until a start is over, by its events; not kept.
pub(super) fn wait_for(client: &str, user: &str) -> Vec<Step> {
    vec![get(&format!("{{base}}hub/api/users/{user}/server/progress")).by(client).aside()]
}
