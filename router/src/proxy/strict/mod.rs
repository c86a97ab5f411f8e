//! HTTP/1.1 framing read a second time, and more strictly, before the HTTP library sees it (RFC 9112).
//!
//! The library takes a bare LF for a line's end, drops a length that stands beside a coding, makes one length of two, cuts a
//! fragment off a target, and lets pass anything behind the size of a chunk. Whoever stands before or behind the router may read
//! the same bytes in another way, so all of that is refused and nothing is repaired. `judge` says what is wrong, `grammar` knows
//! the words, `guarded` is the stream that both sides of the router are read through. Everything the library refuses by itself
//! (NUL, bare CR, folded lines, a space before the colon) is left to it.

mod grammar;
mod guarded;
mod judge;

pub use guarded::{Guarded, Patience, Told};
