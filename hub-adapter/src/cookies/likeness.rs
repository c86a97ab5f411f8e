//! What a `Set-Cookie` line might be taken for, by the most forgiving reader, and whether a server may send
//! it.
//!
//! Browsers, tornado and this router trim and compare names each in their own way; a line is judged by the
//! worst of them. What then becomes of it is decided in `to_client`.

use percent_encoding::percent_decode;

use super::line::Line;
use super::names::{JarRules, is_own, loose_name};
use super::to_client::Sender;

/// What a line might be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    Own,
    Jar,
    Base,
    None,
}

impl JarRules {
    pub(super) fn likeness(&self, line: &[u8]) -> Likeness {
        let loose = loose_name(line);
        if is_own(&loose) {
            return Likeness::Own;
        }
        for base in &self.bases {
            match loose.strip_prefix(&*base.loose) {
                Some([]) => return Likeness::Base,
                Some([b'.', ..]) => return Likeness::Jar,
                _ => {}
            }
        }
        Likeness::None
    }

    /// `_xsrf` below the path of the very server that sends it, for this host alone.
    pub(super) fn is_servers_own_xsrf(&self, sender: &Sender<'_>, line: &[u8]) -> bool {
        let Some(line) = Line::read(line).filter(|line| line.name == b"_xsrf" && !line.has_domain()) else {
            return false;
        };
        let asked = sender.path.as_bytes();
        let set = line.path().unwrap_or_else(|| directory(asked));
        let server = self.server_of(asked);
        server.is_some() && server == self.server_of(set)
    }

    /// `(plane, name)` of the server or service that the path lies in, decoded once.
    fn server_of<'p>(&self, path: &'p [u8]) -> Option<(&'p [u8], Vec<u8>)> {
        let below = path.strip_prefix(self.base_url.as_bytes())?;
        let mut segments = below.splitn(3, |byte| *byte == b'/');
        let (plane, name, _rest) = (segments.next()?, segments.next()?, segments.next()?);
        let name: Vec<u8> = percent_decode(name).collect();
        (matches!(plane, b"user" | b"services") && !name.is_empty()).then_some((plane, name))
    }
}

/// The directory of a path, as RFC 6265, 5.1.4 makes it; with the slash at its end.
fn directory(path: &[u8]) -> &[u8] {
    memchr::memrchr(b'/', path).map_or(b"/", |slash| &path[..=slash])
}

#[cfg(test)]
mod tests {
    use super::super::Reason;
    use super::super::testing::{dropped, from_server, hubs, passed, two_hubs};

    #[test]
    fn a_servers_line_for_the_routers_cookies_a_jar_or_a_hubs_cookie_is_dropped_in_any_spelling() {
        let spellings: &[(&[u8], Reason)] = &[
            (b"hubrouter=x; Path=/", Reason::Own),
            (b"hubrouter", Reason::Own),
            (b"hubrouter; Path=/", Reason::Own),
            (b"  hubrouter=x", Reason::Own),
            (b"\thubrouter\t=x", Reason::Own),
            (b"=hubrouter=x", Reason::Own),
            (b" = hubrouter=x", Reason::Own),
            (b"==hubrouter=x", Reason::Own),
            (b"HubRouter-Login=x", Reason::Own),
            (b"HUBROUTER-HUB=x", Reason::Own),
            (b"hubrouter-flow=x; Domain=example.org", Reason::Own),
            (b"__Host-hubrouter=x; Path=/; Secure", Reason::Own),
            (b"__host-hubrouter=x; Path=/; Secure", Reason::Own),
            (b"__Secure-hubrouter=x; Secure", Reason::Own),
            (b"__SECURE-HUBROUTER=x; Secure", Reason::Own),
            (b"__Host-Http-hubrouter=x", Reason::Own),
            (b"\"hubrouter\"=x", Reason::Own),
            (b"\xa0hubrouter=x", Reason::Own),
            (b"hub\trouter=x", Reason::Own),
            (b"hubrouter-anything-new=x", Reason::Own),
            (b"jupyterhub-hub-login.hub-a=x; Path=/hub/", Reason::Jar),
            (b"jupyterhub-hub-login.hub-z=x", Reason::Jar),
            (b"jupyterhub-hub-login.=x", Reason::Jar),
            (b"__Host-jupyterhub-hub-login.hub-a=x", Reason::Jar),
            (b"jupyterhub-session-id.hub-b=x; Path=/user/alice/", Reason::Jar),
            (b"oauthenticator-state.hub-a.0011aabb=x", Reason::Jar),
            (b"_xsrf.hub-a=x; Path=/user/alice/", Reason::Jar),
            (b"_XSRF.hub-a=x", Reason::Jar),
            (b"=_xsrf.hub-a=x", Reason::Jar),
            (b"jupyterhub-hub-login=x; Path=/hub/", Reason::Base),
            (b"jupyterhub-hub-login=; Max-Age=0; Path=/hub/", Reason::Base),
            (b"__Secure-jupyterhub-session-id=x", Reason::Base),
            (b"\xa0jupyterhub-session-id=x", Reason::Base),
            (b"jupyterhub-session-id", Reason::Base),
            (b"oauthenticator-state=x; Path=/user/alice/", Reason::Base),
            (b"=jupyterhub-hub-login=x", Reason::Base),
        ];
        for rules in [two_hubs(), hubs(&["hub-a"])] {
            for (line, reason) in spellings {
                for path in ["/user/alice/lab", "/services/alice/x"] {
                    let outcome = dropped(&from_server(&rules, path, line));
                    assert_eq!(outcome, Some(*reason), "{:?}", String::from_utf8_lossy(line));
                }
            }
        }
    }

    #[test]
    fn a_server_sets_its_own_xsrf_below_its_own_path_and_nowhere_else() {
        let rules = two_hubs();
        for (path, line) in [
            ("/user/alice/lab", "_xsrf=x; Path=/user/alice/"),
            ("/user/%61lice/lab", "_xsrf=x; Path=/user/alice/"),
            ("/user/bob@example.org/", "_xsrf=x; Path=/user/bob%40example.org/"),
            ("/user/alice/lab", "_xsrf=x; Path=/user/alice/named/"),
            ("/user/alice/lab", "_xsrf=x"),
            ("/services/grader/", "_xsrf=x; Path=/services/grader/"),
        ] {
            assert_eq!(passed(from_server(&rules, path, line.as_bytes())), line, "{path}");
        }
        for (path, line) in [
            ("/user/alice/lab", "_xsrf=x; Path=/hub/"),
            ("/user/alice/lab", "_xsrf=x; Path=/"),
            ("/user/alice/lab", "_xsrf=x; Path=/user/"),
            ("/user/alice/lab", "_xsrf=x; Path=/user/alice"),
            ("/user/alice/lab", "_xsrf=x; Path=/user/alice2/"),
            ("/user/alice/lab", "_xsrf=x; Path=/user/bob/"),
            ("/user/alice/lab", "_xsrf=x; Path=/services/alice/"),
            ("/user/alice/lab", "_xsrf=x; Path=/user/alice/; Path=/hub/"),
            ("/user/alice/lab", "_xsrf=x; Path=/user/alice/; Domain=example.org"),
            ("/user/alice", "_xsrf=x"),
            ("/user/alice/lab", "_xsrf"),
            ("/user/alice/lab", "=_xsrf=x; Path=/user/alice/"),
            ("/user//lab", "_xsrf=x; Path=/user//"),
        ] {
            assert_eq!(
                dropped(&from_server(&rules, path, line.as_bytes())),
                Some(Reason::Base),
                "{path} {line}"
            );
        }
    }

    #[test]
    fn a_servers_other_cookies_pass_untouched() {
        for line in
            ["jupyterhub-user-alice=\"2|1\"; HttpOnly; Path=/user/alice/", "theme=dark", "myhubrouter=x", "="]
        {
            assert_eq!(passed(from_server(&two_hubs(), "/user/alice/", line.as_bytes())), line);
        }
    }
}
