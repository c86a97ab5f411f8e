//! Which certificate a client gets: by the name it asks for (RFC 6066 3), and by what it can verify.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Ready;

/// The certificates of one listener. Several may be for one name, with keys of different kinds.
#[derive(Debug)]
pub(super) struct Choice {
    keys: Vec<Arc<CertifiedKey>>,
    /// Names as they are, and wildcards without their star (`.example.org`): the certificates in their order.
    by_name: HashMap<String, Vec<usize>>,
    /// For clients that name nobody, or nobody whom a certificate is for: the first, and those that share a name with it.
    default: Vec<usize>,
}

impl Choice {
    pub(super) fn among(ready: &[Arc<Ready>]) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, certificate) in ready.iter().enumerate() {
            for name in &certificate.names {
                let name = name.strip_prefix('*').unwrap_or(name).to_owned();
                by_name.entry(name).or_default().push(number);
            }
        }
        let first = ready.first().map(|first| first.names.as_slice()).unwrap_or_default();
        let like_the_first =
            |(_, other): &(usize, &Arc<Ready>)| other.names.iter().any(|name| first.contains(name));
        let others = ready.iter().enumerate().skip(1).filter(like_the_first).map(|(number, _)| number);
        let default = std::iter::once(0).chain(others).collect();
        let keys = ready.iter().map(|ready| Arc::clone(&ready.certified)).collect();
        Self { keys, by_name, default }
    }

    /// The certificates for a name: its own first, then a wildcard's, which stands for one label (RFC 9525 6.3).
    fn named(&self, name: &str) -> &[usize] {
        let name = name.to_ascii_lowercase();
        let wild = || name.find('.').and_then(|dot| self.by_name.get(&name[dot..]));
        self.by_name.get(&name).or_else(wild).map_or(&self.default, Vec::as_slice)
    }

    /// The first of them that the client can verify; if there is none, the first: the handshake says so.
    fn pick(&self, among: &[usize], verified: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut keys = among.iter().filter_map(|number| self.keys.get(*number));
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(verified).is_some();
        keys.clone().find(fits).or_else(|| keys.next()).cloned()
    }
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let among = hello.server_name().map_or(self.default.as_slice(), |name| self.named(name));
        self.pick(among, hello.signature_schemes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{pair, ready, rsa};
    use super::*;

    fn names(choice: &Choice, name: &str) -> Vec<usize> {
        choice.named(name).to_vec()
    }

    #[test]
    fn the_name_decides_then_the_wildcard_then_the_first_certificate() {
        let certificates = [
            ready(&pair(&["one.example"])),
            ready(&pair(&["*.two.example", "two.example"])),
            ready(&pair(&["own.two.example"])),
        ];
        let choice = Choice::among(&certificates);

        assert_eq!(names(&choice, "one.example"), [0]);
        assert_eq!(names(&choice, "two.example"), [1]);
        assert_eq!(names(&choice, "ANY.Two.Example"), [1]);
        assert_eq!(names(&choice, "own.two.example"), [2]);
        for stranger in ["a.b.two.example", "three.example", "example", "", "com.one.example"] {
            assert_eq!(names(&choice, stranger), [0], "{stranger}");
        }
    }

    #[test]
    fn of_two_certificates_for_one_name_a_client_gets_the_one_that_it_can_verify() {
        let certificates = [ready(&pair(&["one.example"])), ready(&rsa(&["one.example"]))];
        let choice = Choice::among(&certificates);
        let shown = |among: &[usize], scheme| choice.pick(among, &[scheme]).unwrap();
        let is = |number: usize, key: &Arc<CertifiedKey>| Arc::ptr_eq(key, &certificates[number].certified);

        for among in [choice.named("one.example"), &choice.default] {
            assert!(is(0, &shown(among, SignatureScheme::ECDSA_NISTP256_SHA256)));
            assert!(is(1, &shown(among, SignatureScheme::RSA_PSS_SHA256)));
            assert!(is(0, &shown(among, SignatureScheme::ED448)), "the handshake says what is missing");
        }
    }
}
