//! How the router's pages look: one style sheet inside the page, light and dark, and the policy that admits only it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

/// The style sheet; it stands inside each page, so that a page needs nothing that a hub has to serve.
pub(super) const STYLE: &str = include_str!("style.css");

/// The `Content-Security-Policy` of every answer: no script, nothing from elsewhere, in nobody's frame.
pub(super) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("base64 and the words above are visible ASCII")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_knows_light_dark_and_reduced_motion_and_loads_nothing() {
        assert!(STYLE.contains("prefers-color-scheme: dark"));
        assert!(STYLE.contains("prefers-reduced-motion"));
        for outside in ["url(", "@import", "@font-face", "</"] {
            assert!(!STYLE.contains(outside), "the style sheet has {outside}");
        }
    }
}
