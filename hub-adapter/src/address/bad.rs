//! Why an address is refused before anybody forwards it.
//!
//! Each of these becomes a 400; the page or JSON around the text is the router's.

/// An address that two parsers could read as two users' (or as none). Nothing is repaired.
///
/// "Name" in the texts: any segment up to and including the owner's and the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadPath {
    /// The target is not a path: `*`, an authority, or empty.
    #[error("the path does not begin with `/`")]
    NotAbsolute,
    /// `//user/alice`, `/user//alice`.
    #[error("the path holds an empty segment where a name is expected")]
    Empty,
    /// `.` or `..` as a whole segment, raw or as `%2e`, anywhere.
    #[error("the path holds `.` or `..` as a segment, and could so mean another user's path")]
    DotSegment,
    /// `%2f` inside a name.
    #[error("a name in the path holds an encoded `/`, and could so mean two segments")]
    Slash,
    /// `\` or `%5c` inside a name: the hub's proxy reads a raw one as `/`.
    #[error("a name in the path holds a `\\`, which some parsers read as `/`")]
    Backslash,
    /// NUL or another control character inside a name.
    #[error("a name in the path holds a control character")]
    Control,
    /// Bytes that are no text once decoded.
    #[error("a name in the path is not valid UTF-8 once percent-decoded")]
    NotUtf8,
    /// `%zz`, `%2`, `%`.
    #[error("a name in the path holds a `%` that two hexadecimal digits do not follow")]
    BadEscape,
    /// A raw byte that RFC 3986 does not allow, which hub and proxy decode differently.
    #[error("a name in the path holds a byte that must be percent-encoded")]
    RawByte,
    /// `client_id` and `redirect_uri` of an authorization name different owners.
    #[error("`client_id` and `redirect_uri` name two different owners")]
    TwoOwners,
    /// A parameter that decides the owner comes twice (RFC 6749 section 3.1).
    #[error("the parameter `{0}` comes more than once")]
    Twice(&'static str),
}
