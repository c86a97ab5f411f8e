//! Values signed as Tornado's secure cookies, format 2: `2|1:0|10:<time>|<n>:<name>|<n>:<base64>|<hmac>`.
//!
//! Signs and checks; who signs what, and for how long it holds, is for others to say.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::text::{hex, unix_now};

/// Signs `value` under the cookie's `name`.
pub(crate) fn sign(secret: &[u8], name: &str, value: &str) -> String {
    let field = |text: &str| format!("{}:{text}", text.len());
    let body = format!(
        "2|{}|{}|{}|{}|",
        field("0"),
        field(&unix_now().to_string()),
        field(name),
        field(&STANDARD.encode(value))
    );
    let signature = hex(&mac(secret, &body));
    body + &signature
}

/// The value that was signed under `name`, if it was signed with `secret`.
pub(crate) fn verify(secret: &[u8], name: &str, signed: &str) -> Option<String> {
    let (body, signature) = signed.split_at(signed.rfind('|')? + 1);
    if hex(&mac(secret, body)) != signature {
        return None;
    }
    let mut fields = body.split('|');
    let value = fields.nth(4)?.split_once(':')?.1;
    let named = body.split('|').nth(3)?.split_once(':')?.1;
    if named != name {
        return None;
    }
    String::from_utf8(STANDARD.decode(value).ok()?).ok()
}

/// An `_xsrf` token: the signed id in base64url without padding.
pub(crate) fn xsrf_token(secret: &[u8], id: &str) -> String {
    URL_SAFE_NO_PAD.encode(sign(secret, "_xsrf", id))
}

/// The id inside an `_xsrf` token, if `secret` signed it.
pub(crate) fn xsrf_id(secret: &[u8], token: &str) -> Option<String> {
    let signed = String::from_utf8(URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?).ok()?;
    verify(secret, "_xsrf", &signed)
}

fn mac(secret: &[u8], body: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key may have any length");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_only_with_its_secret_and_name() {
        let signed = sign(b"one", "jupyterhub-hub-login", "cookie-id");

        assert_eq!(verify(b"one", "jupyterhub-hub-login", &signed).as_deref(), Some("cookie-id"));
        assert_eq!(verify(b"two", "jupyterhub-hub-login", &signed), None);
        assert_eq!(verify(b"one", "other", &signed), None);
    }

    #[test]
    fn a_token_holds_its_id() {
        let token = xsrf_token(b"one", "None:anon");

        assert_eq!(xsrf_id(b"one", &token).as_deref(), Some("None:anon"));
        assert_eq!(xsrf_id(b"two", &token), None);
        assert_eq!(xsrf_id(b"one", "foo"), None);
    }
}
