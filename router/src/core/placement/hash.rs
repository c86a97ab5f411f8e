//! The one hash of placement: xxh3 with 64 bits, keyed, over bytes that are named here and nowhere else.
//!
//! `std::hash` promises no stable byte stream for strings and numbers, so nothing here goes through a derived `Hash`.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A key of the hash. Keys are chained: the hash of one part is the key for the next, so that parts never run together
/// (`ab` + `c` is not `a` + `bc`) and nothing has to be copied into one buffer.
#[derive(Clone, Copy)]
pub(super) struct Key(u64);

impl Key {
    /// The site's key, from the text of `placement.seed`.
    pub(super) fn of_seed(seed: &str) -> Self {
        Self(xxh3_64_with_seed(seed.as_bytes(), 0))
    }

    /// The key for what follows `part`.
    pub(super) fn then(self, part: &[u8]) -> Self {
        Self(self.hash(part))
    }

    /// The hash of the last part.
    pub(super) fn hash(self, part: &[u8]) -> u64 {
        xxh3_64_with_seed(part, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_run_together() {
        let key = Key::of_seed("seed");
        assert_ne!(key.then(b"ab").hash(b"c"), key.then(b"a").hash(b"bc"));
        assert_ne!(key.then(b"").hash(b"abc"), key.then(b"abc").hash(b""));
    }

    #[test]
    fn the_hash_is_the_published_xxh3() {
        // The reference implementation's value for no bytes and seed 0.
        assert_eq!(Key(0).hash(b""), 0x2d06_8005_38d3_94c2);
    }
}
