//! The closed list of names that have a jar, and what a name says: ours, a hub's, nobody's.
//!
//! A name with a dot is not a jar by itself: `jupyterhub-user-<name>` may end in `.hub-b`. Only names of the
//! list, followed by a dot, are. Reading fields and writing lines is left to the other files
//! here.

use hubrouter_config::HubId;
use xxhash_rust::xxh3::xxh3_64;

use crate::Site;

/// How many jars a browser keeps: one more, and the oldest goes.
pub(super) const MAX_JARS: usize = 8;
/// How many unfinished OAuth logins a browser keeps.
pub(super) const MAX_FLOWS: usize = 8;
/// How long an OAuth login may take, in seconds: 600. OAuthenticator asks for a day, and eight forgotten tabs
/// would outweigh all jars.
pub const FLOW_SECONDS: u32 = 600;
/// Who the user is, as hubs name it; the second where the hub's `cookie_host_prefix_enabled` is set.
pub(super) const LOGIN_COOKIES: [&str; 2] = ["jupyterhub-hub-login", "__Host-jupyterhub-hub-login"];
/// The browser session, as hubs name it: plain, unsigned, for hub and servers.
pub(super) const SESSION_COOKIE: &str = "jupyterhub-session-id";

/// What a name of the list is for: decides its path, and what is done when it comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Who the user is, for this hub.
    Login,
    /// The browser session: the only jar cookie that servers see too.
    Session,
    /// An OAuth login under way.
    State,
    /// The token against forged requests, of hub pages.
    Xsrf,
    /// A name from `site.jar_cookies`: path and meaning unknown.
    Extra,
}

/// One name of the list.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) name: Box<str>,
    /// The name as [`loose_name`] spells it.
    pub(super) loose: Box<[u8]>,
    pub(super) role: Role,
    /// Where hubs set it: all of these are expired.
    pub(super) paths: Vec<Box<str>>,
}

/// What a cookie's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The router's own, in any spelling.
    Own,
    /// A jar of a configured hub; `flow` when the name carries the tag of an OAuth login.
    Jar { hub: u16, base: u16, flow: bool },
    /// A jar of a hub that is not configured.
    Stray { base: u16 },
    /// A name of the list without a hub.
    Raw { base: u16 },
    /// Everything else: not ours to judge.
    Other,
}

/// The names that have jars, for one configuration.
#[derive(Clone, Debug)]
pub struct JarRules {
    /// Sorted by id.
    pub(super) hubs: Vec<HubId>,
    /// Longest name first, so that an operator's dotted name is met before what it begins with.
    pub(super) bases: Vec<Base>,
    pub(super) base_url: Box<str>,
    /// `<base>hub/`.
    pub(super) hub_path: Box<str>,
    /// The hub to which names without a jar belong: the only one, or the adopted one.
    pub(super) raw_owner: Option<u16>,
    /// One hub only: names are left alone.
    pub(super) single: bool,
    pub(super) secure: bool,
}

impl JarRules {
    /// Rules for these hubs.
    ///
    /// `extra` are the operator's names (`site.jar_cookies`); what is no cookie name, or one of the router's
    /// own, is left out. `adopt` is the hub whose cookies without a jar are taken as its jar
    /// (`site.adopt_sessions_of`); an id that is not among `hubs` adopts nothing. `secure`: the site is
    /// https.
    ///
    /// With one hub, cookie names are left alone in both directions; the router's own stay hidden all the
    /// same.
    #[must_use]
    pub fn new(
        site: &Site,
        hubs: &[HubId],
        extra: &[String],
        adopt: Option<&HubId>,
        secure: bool,
    ) -> JarRules {
        let base_url: Box<str> = site.base().into();
        let hub_path: Box<str> = format!("{base_url}hub/").into();
        let mut hubs = hubs.to_vec();
        hubs.sort();
        hubs.dedup();
        hubs.truncate(usize::from(u16::MAX));
        let single = hubs.len() == 1;
        let adopted = adopt.and_then(|id| hubs.binary_search(id).ok());
        let raw_owner = if single { Some(0) } else { adopted.and_then(|index| u16::try_from(index).ok()) };
        let bases = bases(&base_url, &hub_path, extra);
        JarRules { hubs, bases, base_url, hub_path, raw_owner, single, secure }
    }

    pub(super) fn index_of(&self, hub: &HubId) -> Option<u16> {
        self.hubs.binary_search(hub).ok().and_then(|index| u16::try_from(index).ok())
    }

    pub(super) fn hub(&self, index: u16) -> &HubId {
        &self.hubs[usize::from(index)]
    }

    pub(super) fn base(&self, index: u16) -> &Base {
        &self.bases[usize::from(index)]
    }

    /// What this exact name says.
    pub(super) fn classify(&self, name: &[u8]) -> Kind {
        if is_own(name) {
            return Kind::Own;
        }
        for (index, base) in (0u16..).zip(&self.bases) {
            match name.strip_prefix(base.name.as_bytes()) {
                Some([]) => return Kind::Raw { base: index },
                Some([b'.', suffix @ ..]) => return self.suffixed(index, suffix),
                _ => {}
            }
        }
        Kind::Other
    }

    fn suffixed(&self, base: u16, suffix: &[u8]) -> Kind {
        let (id, flow) = match self.base(base).role {
            Role::State => split_tag(suffix),
            Role::Login | Role::Session | Role::Xsrf | Role::Extra => (suffix, false),
        };
        match self.hubs.binary_search_by(|hub| hub.as_ref().as_bytes().cmp(id)) {
            // `new` keeps no more hubs than fit.
            Ok(hub) => Kind::Jar { hub: hub as u16, base, flow },
            Err(_) => Kind::Stray { base },
        }
    }
}

/// `<id>.<tag>` or `<id>`.
fn split_tag(suffix: &[u8]) -> (&[u8], bool) {
    match suffix.len().checked_sub(9).map(|dot| suffix.split_at(dot)) {
        Some((id, [b'.', tag @ ..])) if tag.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
            (id, true)
        }
        _ => (suffix, false),
    }
}

/// Eight hexadecimal digits that stand for an OAuth login's `state` (decoded) in a cookie's name.
///
/// Not a secret and no proof: the hub compares the whole state with the signed cookie. The same on all
/// replicas.
#[must_use]
pub fn flow_tag(state: &str) -> String {
    format!("{:08x}", xxh3_64(state.as_bytes()) as u32)
}

/// Whether this is one of the router's own names, in any case, with or without a prefix that browsers know. They all begin
/// with one word, so that new ones are kept from hubs by themselves.
pub(super) fn is_own(name: &[u8]) -> bool {
    // Most names end here.
    matches!(name.first(), Some(b'h' | b'H' | b'_'))
        && starts_with_ignoring_case(without_prefix(name), b"hubrouter")
}

fn without_prefix(name: &[u8]) -> &[u8] {
    [&b"__host-"[..], b"__secure-", b"__http-", b"__host-http-"]
        .iter()
        .filter(|prefix| starts_with_ignoring_case(name, prefix))
        .map(|prefix| &name[prefix.len()..])
        .min_by_key(|rest| rest.len())
        .unwrap_or(name)
}

fn starts_with_ignoring_case(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether Python's `str.strip()`, with which hubs and servers trim cookie names, takes this byte (as
/// latin-1) away.
///
/// Wider than a browser's idea of white space: `\xa0name` is another cookie for the browser and `name` for
/// tornado.
pub(super) fn is_python_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | 0x1c..=b' ' | 0x85 | 0xa0)
}

/// How the most forgiving reader might spell the name that this `Set-Cookie` line sets.
///
/// In lower case, without prefixes, quotes, control bytes and white space; a nameless cookie (`=name=value`,
/// or `name` alone) takes the name that it would have on the way back.
pub(super) fn loose_name(line: &[u8]) -> Vec<u8> {
    let pair = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let clean: Vec<u8> = pair
        .iter()
        .filter(|byte| !is_python_space(**byte) && !byte.is_ascii_control() && **byte != b'"')
        .map(u8::to_ascii_lowercase)
        .skip_while(|byte| *byte == b'=')
        .take_while(|byte| *byte != b'=')
        .collect();
    without_prefix(&clean).to_vec()
}

fn bases(base_url: &str, hub_path: &str, extra: &[String]) -> Vec<Base> {
    let base = |name: &str, role: Role, paths: &[&str]| {
        let mut paths: Vec<Box<str>> = paths.iter().map(|path| Box::from(*path)).collect();
        paths.dedup();
        Base { name: name.into(), loose: loose_name(name.as_bytes()).into(), role, paths }
    };
    let mut bases = vec![
        base(LOGIN_COOKIES[0], Role::Login, &[hub_path]),
        base(LOGIN_COOKIES[1], Role::Login, &["/"]),
        base(SESSION_COOKIE, Role::Session, &[base_url]),
        // OAuthenticator leaves the path to tornado: `/`, whatever the hub's base_url is.
        base("oauthenticator-state", Role::State, &[base_url, "/"]),
        base("_xsrf", Role::Xsrf, &[hub_path]),
    ];
    for name in extra {
        let known = bases.iter().any(|known| *known.name == **name);
        if is_cookie_name(name) && !is_own(name.as_bytes()) && !known && bases.len() < usize::from(u16::MAX) {
            let paths: &[&str] =
                if name.starts_with("__Host-") { &["/"] } else { &[hub_path, base_url, "/"] };
            bases.push(base(name, Role::Extra, paths));
        }
    }
    bases.sort_by_key(|base| std::cmp::Reverse(base.name.len()));
    bases
}

/// RFC 6265, 4.1.1: a cookie's name is a token.
pub(super) fn is_cookie_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.len() <= 256 && name.bytes().all(token)
}
