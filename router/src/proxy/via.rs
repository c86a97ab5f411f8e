//! `Via`: by which routers a request came, so that one which comes back is noticed (RFC 9110 7.6.3).
//!
//! Hubs get to see the name of this process, which is random and says nothing. Answers carry no `Via`: a gateway need not say it.

use http::header::VIA;
use http::{HeaderMap, HeaderValue, Version};

/// The name of this process among routers.
#[derive(Debug)]
pub struct Via {
    name: String,
    from_http_1_0: HeaderValue,
    from_http_1_1: HeaderValue,
    from_http_2: HeaderValue,
}

impl Via {
    /// A name of its own.
    #[must_use]
    pub fn new() -> Self {
        let mut random = [0; 8];
        // Without randomness the moment and the process do: nothing secret hangs on it.
        if getrandom::fill(&mut random).is_err() {
            let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let moment = moment.map_or(0, |moment| moment.as_nanos() as u64);
            random = (moment ^ u64::from(std::process::id()).rotate_left(48)).to_be_bytes();
        }
        let name = format!("hubrouter-{:016x}", u64::from_be_bytes(random));
        let field = |version: &str| {
            HeaderValue::from_str(&format!("{version} {name}"))
                .unwrap_or_else(|_| HeaderValue::from_static("1.1 hubrouter"))
        };
        let [from_http_1_0, from_http_1_1, from_http_2] = ["1.0", "1.1", "2.0"].map(field);
        Self { name, from_http_1_0, from_http_1_1, from_http_2 }
    }

    /// Says that a request came through here.
    pub fn sign(&self, fields: &mut HeaderMap, came_as: Version) {
        let field = match came_as {
            Version::HTTP_10 => &self.from_http_1_0,
            Version::HTTP_2 => &self.from_http_2,
            _ => &self.from_http_1_1,
        };
        fields.append(VIA, field.clone());
    }

    /// Whether a request with these fields came through here before.
    #[must_use]
    pub fn signed(&self, fields: &HeaderMap) -> bool {
        let names = |value: &HeaderValue| {
            value.as_bytes().split(|byte| *byte == b',').any(|entry| {
                entry.trim_ascii().split(|byte| *byte == b' ').nth(1) == Some(self.name.as_bytes())
            })
        };
        fields.get_all(VIA).iter().any(names)
    }
}

impl Default for Via {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_comes_back_is_known_and_another_routers_is_not() {
        let (ours, other) = (Via::new(), Via::new());
        let mut fields = HeaderMap::new();
        assert!(!ours.signed(&fields));
        fields.append(VIA, HeaderValue::from_static("1.0 fred, HTTP/1.1 p.example.net (hubrouter)"));
        other.sign(&mut fields, Version::HTTP_2);
        assert!(!ours.signed(&fields) && other.signed(&fields));
        ours.sign(&mut fields, Version::HTTP_11);
        assert!(ours.signed(&fields) && other.signed(&fields));
        // Proxies in between may join the lines.
        let joined: Vec<&str> = fields.get_all(VIA).iter().map(|value| value.to_str().unwrap()).collect();
        let joined = HeaderValue::from_str(&joined.join(",")).unwrap();
        assert!(ours.signed(&HeaderMap::from_iter([(VIA, joined)])));
    }
}
