//! Matches a path against the routing table and reads the names out of it.
//!
//! What each row means stands in `table`; paths below `/user/` are read by `user`.

use std::sync::LazyLock;

use http::Method;
use hubrouter_config::Secret;

use super::table::{Act, Row, TABLE};
use super::{BadPath, Place, next_of, oauth, segments, user};
use crate::destination::{Dest, destination_nested};
use crate::site::Site;

/// No pattern has more segments before its `**`.
const LONGEST: usize = 8;

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| TABLE.iter().map(Pattern::new).collect());

struct Pattern {
    row: &'static Row,
    /// Below the root of the host instead of below `base_url`.
    rooted: bool,
    parts: Vec<Part>,
    /// Ends in `**`.
    open: bool,
    /// How many leading segments must be names without any doubt.
    names: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Text(&'static str),
    EndsIn(&'static str),
    One,
    Owner,
    Server,
    Service,
    Hub,
    Token,
}

impl Pattern {
    fn new(row: &'static Row) -> Pattern {
        let (rooted, rest) = match row.pattern.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, row.pattern),
        };
        let mut parts: Vec<Part> = rest.split('/').filter(|part| !part.is_empty()).map(Part::new).collect();
        let open = parts.pop_if(|part| *part == Part::Text("**")).is_some();
        let names = match row.pattern {
            // Nothing is known of these, so no segment may hide another path: `/user%2fbob` is bob's to the proxy.
            "**" | "/**" | "hub/**" | "hub/api/**" => usize::MAX,
            // What follows an owner may be a server's name.
            _ if open && parts.last() == Some(&Part::Owner) => parts.len() + 1,
            _ => parts.len(),
        };
        Pattern { row, rooted, parts, open, names }
    }

    fn matches(&self, path: &Segments<'_>) -> bool {
        let fits = if self.open { path.count >= self.parts.len() } else { path.count == self.parts.len() };
        fits && self.parts.iter().zip(path.first).all(|(part, segment)| part.matches(segment))
    }
}

impl Part {
    fn new(text: &'static str) -> Part {
        match text {
            "<owner>" => Part::Owner,
            "<server>" => Part::Server,
            "<service>" => Part::Service,
            "<hub>" => Part::Hub,
            "<token>" => Part::Token,
            "*" => Part::One,
            _ => match text.strip_prefix("*_") {
                Some(_) => Part::EndsIn(&text[1..]),
                None => Part::Text(text),
            },
        }
    }

    fn matches(self, segment: &str) -> bool {
        match self {
            Part::Text(text) => segments::is(segment, text),
            Part::EndsIn(suffix) => segments::ends_in(segment, suffix),
            Part::One | Part::Owner | Part::Server | Part::Service | Part::Hub | Part::Token => true,
        }
    }
}

/// The raw segments of a path, without the `/` at its very end.
struct Segments<'a> {
    path: &'a str,
    first: [&'a str; LONGEST],
    count: usize,
}

impl<'a> Segments<'a> {
    fn new(path: &'a str) -> Segments<'a> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let (mut first, mut count) = ([""; LONGEST], 0);
        if !path.is_empty() {
            for segment in path.split('/') {
                if let Some(slot) = first.get_mut(count) {
                    *slot = segment;
                }
                count += 1;
            }
        }
        Segments { path, first, count }
    }

    fn all(&self) -> impl Iterator<Item = &'a str> {
        self.path.split('/').take(self.count)
    }
}

/// The place of any path. `depth` counts the addresses inside addresses that led here.
pub(super) fn place(
    site: &Site,
    method: &Method,
    path: &str,
    query: Option<&str>,
    depth: u8,
) -> Result<Place, BadPath> {
    let whole = path.strip_prefix('/').ok_or(BadPath::NotAbsolute)?;
    if segments::has_dot_segment(whole) {
        return Err(BadPath::DotSegment);
    }
    let (rest, below) = match below_base(site, whole) {
        Some(rest) => (rest, true),
        None => (whole, false),
    };
    if rest.starts_with('/') {
        return Err(BadPath::Empty);
    }
    if let (true, (first, Some(names))) = (below, segments::cut(rest))
        && !names.is_empty()
        && segments::is(first, "user")
    {
        return user::place(site, names);
    }
    let path = Segments::new(rest);
    let scope = |rooted: bool| if rooted { !below || site.base() == "/" } else { below };
    let pattern = PATTERNS
        .iter()
        .find(|pattern| scope(pattern.rooted) && pattern.matches(&path) && pattern.row.takes(method))
        .expect("one of the last rows matches any path");
    let place = read(site, pattern, &path)?;
    complete(site, place, query, depth)
}

/// What follows `base_url`, whose last `/` may be missing.
fn below_base<'a>(site: &Site, whole: &'a str) -> Option<&'a str> {
    let mut rest = whole;
    for literal in site.base().split('/').filter(|part| !part.is_empty()) {
        let (segment, tail) = segments::cut(rest);
        if !segments::is(segment, literal) {
            return None;
        }
        rest = tail.unwrap_or_default();
    }
    Some(rest)
}

/// Checks the segments that must be names, and takes the owner and the others from where the pattern says.
fn read(site: &Site, pattern: &Pattern, path: &Segments<'_>) -> Result<Place, BadPath> {
    for segment in path.all().take(pattern.names) {
        segments::name(segment)?;
    }
    let mut place = Place::of(pattern.row);
    for (part, segment) in pattern.parts.iter().zip(path.first) {
        match part {
            Part::Owner => place.owner = Some(user::owner_name(site, segment)?),
            Part::Server => place.server = Some(segments::name(segment)?.into_owned()),
            Part::Service => place.service = Some(segments::name(segment)?.into_owned()),
            Part::Hub => place.chosen = Some(segments::name(segment)?.into_owned()),
            Part::Token => place.token = Some(Secret::new(segments::name(segment)?.into_owned())),
            Part::Text(_) | Part::EndsIn(_) | Part::One => {}
        }
    }
    Ok(place)
}

/// Adds what only the query tells.
fn complete(site: &Site, mut place: Place, query: Option<&str>, depth: u8) -> Result<Place, BadPath> {
    if place.row.act == Act::Authorize {
        oauth::name_client(site, &mut place, query, depth)?;
    }
    // A share is known to the hub of the server's owner only; the link's next page names that owner.
    if place.row.pattern == "hub/accept-share"
        && let Some(next) = next_of(query)
        && let Dest::Owner(owner) = destination_nested(site, None, &next, depth)
    {
        place.owner = Some(owner);
    }
    Ok(place)
}
