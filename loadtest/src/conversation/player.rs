//! Plays scripts: fills placeholders, keeps each client's cookies, and returns every answer as it was.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderMap, LOCATION, SET_COOKIE};
use http_body_util::{BodyExt, Full};
use serde_json::Value;

use super::jar::Jar;
use super::script::Step;
use crate::fetch;
use crate::simhub::{quote_segment, random_hex};

/// Why a conversation could not go on.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The target is not `http://host:port`.
    #[error("`{0}` is not an address such as http://127.0.0.1:8000")]
    Target(String),
    /// No answer came.
    #[error("{method} {path}: no answer")]
    Silent {
        /// The request's method.
        method: String,
        /// Its path, placeholders filled.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// A placeholder stands for nothing yet.
    #[error("step `{step}` needs `{{{name}}}`, which no earlier answer gave")]
    Missing {
        /// The step's path.
        step: String,
        /// The placeholder.
        name: String,
    },
    /// A step cannot be a request.
    #[error("{step}: not a request")]
    Malformed {
        /// The step's path.
        step: String,
        /// Why not.
        source: http::Error,
    },
}

/// An answer as it was.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Clients in the middle of a conversation.
pub(super) struct Player {
    authority: String,
    base: String,
    clients: BTreeMap<String, Client>,
    vars: BTreeMap<String, String>,
}

#[derive(Default)]
struct Client {
    jar: Jar,
    location: Option<String>,
}

/// Placeholders that are fresh user names, each with its ending.
const PEOPLE: &[(&str, &str)] = &[
    ("ada", ""),
    ("bob", ""),
    ("eve", ""),
    ("lab", ""),
    ("upper", ""),
    ("accent", "é"),
    ("mail", "@example.org"),
    ("space", " b"),
    ("percent", "%40y"),
    ("semi", ";colon"),
    ("quote", "o'brien"),
    ("tilde", "~x"),
    ("plus", "a+b"),
];

impl Player {
    /// Talks to `target` (`http://host:port`), whose hub has this base URL.
    pub(super) fn new(target: &str, base: &str) -> Result<Player, PlayError> {
        let bad = || PlayError::Target(target.to_owned());
        let (authority, _) = fetch::authority(target).ok_or_else(bad)?;
        let mut vars = BTreeMap::new();
        for (name, ending) in PEOPLE {
            vars.insert((*name).to_owned(), format!("{name}-{}{ending}", random_hex(4)));
        }
        vars.insert("host".to_owned(), authority.to_owned());
        vars.insert("base".to_owned(), base.to_owned());
        Ok(Player { authority: authority.to_owned(), base: base.to_owned(), clients: BTreeMap::new(), vars })
    }

    /// What stands for what: for undoing it in the answers.
    pub(super) fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// Says one step.
    pub(super) async fn play(&mut self, step: &Step) -> Result<Answer, PlayError> {
        self.change_cookies(step)?;
        let path = self.fill(step, &step.path)?;
        let body = step.body.as_deref().map(|body| self.fill(step, body)).transpose()?.unwrap_or_default();
        // a redirect may lead to the identity provider, which is another site
        let (authority, path) = match fetch::authority(&path) {
            Some((authority, path)) => (authority.to_owned(), path.to_owned()),
            None => (self.authority.clone(), path),
        };
        let bare = path.split('?').next().unwrap_or_default().to_owned();
        let mut request = Request::builder().method(step.method.as_str()).uri(&path);
        request = request.header("host", &authority);
        for (name, value) in &step.headers {
            request = request.header(name, self.fill(step, value)?);
        }
        if !step.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            request = request.header("user-agent", "conversation/1.0");
        }
        let client = self.clients.entry(step.client.clone()).or_default();
        if let Some(cookies) = client.jar.header(&bare) {
            request = request.header("cookie", cookies);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|source| PlayError::Malformed { step: step.path.clone(), source })?;
        let asked = ask(&authority, request).await;
        let answer =
            asked.map_err(|source| PlayError::Silent { method: step.method.clone(), path, source })?;
        let client = self.clients.entry(step.client.clone()).or_default();
        for line in answer.headers.get_all(SET_COOKIE) {
            client.jar.take(&String::from_utf8_lossy(line.as_bytes()), &bare);
        }
        client.location = answer.header(LOCATION.as_str()).or(client.location.take());
        let elsewhere =
            client.location.as_deref().and_then(fetch::authority).map(|(authority, _)| authority.to_owned());
        if let Some(provider) = elsewhere.filter(|authority| *authority != self.authority) {
            self.vars.insert("provider".to_owned(), provider);
        }
        self.remember(step, &answer);
        Ok(answer)
    }

    fn change_cookies(&mut self, step: &Step) -> Result<(), PlayError> {
        for change in &step.cookies {
            let change = self.fill(step, change)?;
            let jar = &mut self.clients.entry(step.client.clone()).or_default().jar;
            match (change.strip_prefix('-'), change.rsplit_once('@')) {
                (Some(name), _) => jar.forget(name),
                (None, Some((pair, path))) => {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    jar.plant(name, value, path);
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn remember(&mut self, step: &Step, answer: &Answer) {
        for (name, pointer) in &step.remember {
            let json = answer.json();
            let value = json.as_ref().and_then(|json| json.pointer(pointer)).and_then(Value::as_str);
            if let Some(value) = value {
                self.vars.insert(name.clone(), value.to_owned());
            }
        }
    }

    fn fill(&self, step: &Step, text: &str) -> Result<String, PlayError> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            out.push_str(&rest[..start]);
            let inside = &rest[start + 1..];
            // JSON has braces too: a placeholder is a word
            let word = |c: char| c.is_ascii_alphanumeric() || "_:/-.".contains(c);
            let length = inside.find(|c: char| !word(c)).unwrap_or(inside.len());
            if length > 0 && inside[length..].starts_with('}') {
                out.push_str(&self.value(step, &inside[..length])?);
                rest = &inside[length + 1..];
            } else {
                out.push('{');
                rest = inside;
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, step: &Step, name: &str) -> Result<String, PlayError> {
        let client = self.clients.get(&step.client);
        let cookie = |name: &str, path: &str| {
            client.and_then(|client| client.jar.value(name, path)).map(str::to_owned)
        };
        let found = match name.split_once(':') {
            Some(("xsrf", path)) => {
                let path = format!("{}{}", self.base, self.fill(step, &path_of(path))?);
                cookie("_xsrf", &path)
            }
            Some(("cookie", name)) => cookie(name, &format!("{}hub/", self.base)),
            _ if name == "xsrf" => cookie("_xsrf", &format!("{}hub/", self.base)),
            _ if name == "location" => client.and_then(|client| client.location.clone()),
            _ => match name.strip_suffix('/') {
                Some(name) => self.vars.get(name).map(|value| quote_segment(value)),
                None => self.vars.get(name).cloned(),
            },
        };
        found.ok_or_else(|| PlayError::Missing { step: step.path.clone(), name: name.to_owned() })
    }
}

/// `user.lab` inside `{xsrf:...}` is the path `user/{lab/}/`: braces do not nest.
fn path_of(dotted: &str) -> String {
    match dotted.split_once('.') {
        Some((front, person)) => format!("{front}/{{{person}/}}/"),
        None => dotted.to_owned(),
    }
}

/// Sends a request; an event stream is read up to the event that ends it.
async fn ask(authority: &str, request: Request<Full<Bytes>>) -> io::Result<Answer> {
    let (head, mut body) = fetch::open(authority, request).await?.into_parts();
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let streams = kind.starts_with("text/event-stream");
    let mut read = Vec::new();
    let patience = std::time::Duration::from_secs(90);
    let whole = async {
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                read.extend_from_slice(&data);
            }
            let text = String::from_utf8_lossy(&read);
            if streams
                && (text.contains("\"ready\": true")
                    || text.contains("\"ready\":true")
                    || text.contains("\"failed\""))
            {
                break;
            }
        }
        Ok::<(), io::Error>(())
    };
    if head.status != http::StatusCode::SWITCHING_PROTOCOLS {
        tokio::time::timeout(patience, whole)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: Bytes::from(read) })
}
