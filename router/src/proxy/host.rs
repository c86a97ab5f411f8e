//! What may stand in a `Host` field. Whether there is exactly one is left to `headers`.

/// A name or an address, and a port if it has one (RFC 3986 3.2.2). Names of hosts have none of the other characters that a URL
/// may hold, and whoever reads them may take a part for the whole.
#[must_use]
pub fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value.strip_prefix(b"[") {
        Some(rest) => match rest.iter().position(|byte| *byte == b']') {
            Some(end) if is_literal(&rest[..end]) => (None, &rest[end + 1..]),
            _ => return false,
        },
        None => {
            let end = value.iter().position(|byte| *byte == b':').unwrap_or(value.len());
            (Some(&value[..end]), &value[end..])
        }
    };
    let is_name = |name: &[u8]| {
        !name.is_empty()
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
    };
    host.is_none_or(is_name) && is_port(port)
}

fn is_literal(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_port(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_name_or_address_with_or_without_a_port() {
        for host in ["a", "A.b-c_d.e:80", "10.0.0.1", "[::1]:8000", "[2001:db8::1]", "site:"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            "a b",
            "a,b",
            "a/b",
            "me@a",
            "a?b",
            "a#b",
            "a\\b",
            "a%2fb",
            "a:b",
            "a:80:80",
            "a:123456",
            ":80",
            "[::1",
            "::1",
            "[::1]x",
            "[a]",
            "[::1%25eth0]",
            "a\"b",
            "<a>",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
