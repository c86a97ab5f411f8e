//! What reading an address needs to know of the site: base path, name rule, own hosts.
//!
//! Hubs and their state are not here: an address means the same whoever is up.

use hubrouter_config::BaseUrl;

use crate::names::NameRule;

/// The site as far as addresses are concerned. Cheap to share, never changes; a reload makes a new one.
#[derive(Clone, Debug)]
pub struct Site {
    base: BaseUrl,
    names: NameRule,
    hosts: Vec<String>,
    user_prefix: String,
    login_path: String,
}

impl Site {
    /// A site below `base` whose user names follow `names`.
    ///
    /// `hosts` are the authorities (`host` or `host:port`) of its own absolute URLs, usually that of
    /// `site.public_url`; empty when only the `Host` of each request tells.
    pub fn new(base: BaseUrl, names: NameRule, hosts: impl IntoIterator<Item = String>) -> Site {
        let user_prefix = format!("{}user/", base.as_str());
        let login_path = format!("{}hub/login", base.as_str());
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Site { base, names, hosts, user_prefix, login_path }
    }

    /// The path that every hub of the site lives below; begins and ends with `/`.
    pub fn base(&self) -> &str {
        self.base.as_str()
    }

    /// How user names are made canonical.
    pub fn names(&self) -> NameRule {
        self.names
    }

    /// `<base>user/`.
    pub(crate) fn user_prefix(&self) -> &str {
        &self.user_prefix
    }

    /// `<base>hub/login`.
    pub(crate) fn login_path(&self) -> &str {
        &self.login_path
    }

    /// Whether `authority` of a URL with `scheme` is this site: one of its own hosts, or the `host` the request named.
    ///
    /// Compared without regard to case and with the scheme's default port left out. The scheme itself is not
    /// compared: what is taken from an own URL is only its path.
    pub(crate) fn is_own(&self, scheme: &str, authority: &str, host: Option<&str>) -> bool {
        let asked = without_default_port(scheme, authority);
        let same = |own: &str| without_default_port(scheme, own).eq_ignore_ascii_case(asked);
        !asked.is_empty() && (self.hosts.iter().any(|own| same(own)) || host.is_some_and(same))
    }
}

/// An authority as URLs of this scheme may also spell it: without the scheme's own port.
pub(crate) fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_knows_its_own_hosts_in_any_case_and_with_the_default_port() {
        let site = Site::new("/".parse().unwrap(), NameRule::Lower, ["Jupyter.Example".to_owned()]);

        assert!(site.is_own("https", "jupyter.example", None));
        assert!(site.is_own("https", "JUPYTER.example:443", None));
        assert!(site.is_own("http", "127.0.0.1:8000", Some("127.0.0.1:8000")));
        assert!(!site.is_own("https", "jupyter.example:8443", None));
        assert!(!site.is_own("https", "jupyter.example@evil.example", None));
        assert!(!site.is_own("https", "", Some("")));
    }
}
