//! What a simulated hub saw: each request as it arrived, for a test's assertions.

use std::sync::Mutex;

use super::wire::Ask;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which part of the hub it was for.
    pub plane: Plane,
    /// Whether it came through the hub's proxy, not to the hub's own address.
    pub by_proxy: bool,
    /// The method.
    pub method: String,
    /// Path and query, not decoded.
    pub target: String,
    /// Names in lower case; the values of one name stand together, else in the order they came.
    pub headers: Vec<(String, String)>,
}

/// Which part of a hub a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// The hub itself.
    Hub,
    /// A user's server.
    User,
    /// A managed service.
    Service,
    /// The proxy's own pages, such as its health.
    Proxy,
}

impl Seen {
    pub(crate) fn of(ask: &Ask, plane: Plane) -> Seen {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Seen {
            plane,
            by_proxy: ask.by_proxy,
            method: ask.method.to_string(),
            target: ask.target.clone(),
            headers: ask
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
                .collect(),
        }
    }

    /// The path as it arrived, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Every cookie it carried, in order, as `(name, value)`.
    pub fn cookies(&self) -> Vec<(String, String)> {
        let lines = self.headers.iter().filter(|(name, _)| name == "cookie");
        lines
            .flat_map(|(_, line)| line.split(';'))
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect()
    }
}

/// The log itself; the oldest entries go when it grows too long.
#[derive(Default)]
pub(crate) struct Log {
    seen: Mutex<Vec<Seen>>,
}

/// So many requests are kept; beyond that the older half goes.
const KEPT: usize = 100_000;

impl Log {
    pub(crate) fn note(&self, seen: Seen) {
        let mut all = self.lock();
        if all.len() >= KEPT {
            all.drain(..KEPT / 2);
        }
        all.push(seen);
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
