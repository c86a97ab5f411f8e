//! Follows one direction of a connection through its messages, and says where something may be read in two ways.
//!
//! Pure: bytes come in pieces, of any size. A line that lies in one piece is judged where it lies; only the beginning of one that
//! does not is kept. Bodies are counted and not looked at.

use memchr::memchr;

use super::grammar::{self, Field};

/// How much is kept of a line that came in pieces. Lines that matter are shorter, or refused; of others the beginning says that they
/// do not matter.
const KEPT: usize = 512;

/// How many bytes of fields may follow a chunked body.
const TRAILER_BYTES: usize = 8 * 1024;

/// Whose messages they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Requests of a client.
    Client,
    /// Answers of a hub.
    Hub,
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Between two requests; an empty line may have come already (RFC 9112 2.2).
    Between { blank: bool },
    /// No answer is awaited.
    Unasked,
    /// The line that begins a message.
    First,
    /// The fields of a head.
    Fields,
    /// So many bytes of a body.
    Body(u64),
    /// The line that begins a chunk.
    Size,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The line break behind a chunk.
    ChunkEnd,
    /// Fields behind the last chunk, of which so many bytes came.
    Trailers(usize),
    /// A request asked for another protocol: what follows belongs to it, or is the next request.
    Undecided,
    /// Whatever follows is passed.
    Open,
    /// Something was wrong: nothing more is passed.
    Refused,
}

/// What was read of a head.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    status: u16,
    /// HTTP/1.0, which knows no codings (RFC 9112 6.1).
    old: bool,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

/// What becomes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it passes.
    Pass,
    /// What begins here has to wait until it is known which protocol it is of.
    Hold(usize),
    /// Only what stands before this passes: the head is wrong.
    WrongHead(usize),
    /// Only what stands before this passes: the body is wrong.
    WrongBody(usize),
    /// Only what stands before this passes: the rest is no answer to anything.
    Unasked(usize),
}

/// The state of one direction.
#[derive(Debug)]
pub struct Judge {
    side: Side,
    at: At,
    head: Head,
    /// To a `HEAD` there is no body (RFC 9112 6.3).
    to_head: bool,
    /// The beginning of a line that came in pieces.
    kept: Vec<u8>,
    /// Its last byte.
    last: u8,
}

impl Judge {
    /// At the beginning of a connection.
    pub fn new(side: Side) -> Self {
        let at = if side == Side::Client { At::Between { blank: false } } else { At::Unasked };
        Self { side, at, head: Head::default(), to_head: false, kept: Vec::new(), last: 0 }
    }

    /// An answer may come.
    pub fn expect(&mut self, to_head: bool) {
        if self.at == At::Unasked {
            (self.at, self.to_head) = (At::First, to_head);
        }
    }

    /// Whether no answer is awaited.
    pub fn is_unasked(&self) -> bool {
        self.at == At::Unasked
    }

    /// Whether it has to be decided which protocol follows.
    pub fn is_undecided(&self) -> bool {
        self.at == At::Undecided
    }

    /// The protocol stays the same, or whatever follows is of another one.
    pub fn decide(&mut self, other: bool) {
        self.at = if other { At::Open } else { At::Between { blank: false } };
    }

    /// Whether a head has begun and is not complete.
    pub fn is_in_head(&self) -> bool {
        match self.at {
            At::First | At::Fields => self.side == Side::Client,
            At::Between { .. } => !self.kept.is_empty(),
            _ => false,
        }
    }

    /// Whether a body has begun and is not complete.
    pub fn is_in_body(&self) -> bool {
        matches!(self.at, At::Body(_) | At::Size | At::Chunk(_) | At::ChunkEnd | At::Trailers(_))
    }

    /// Judges what came next.
    pub fn pass(&mut self, bytes: &[u8]) -> Verdict {
        let mut from = 0;
        while from < bytes.len() {
            match self.at {
                At::Open => return Verdict::Pass,
                At::Undecided => return Verdict::Hold(from),
                At::Unasked => return Verdict::Unasked(from),
                At::Refused => return Verdict::WrongBody(from),
                At::Body(left) => {
                    let (taken, left) = take(left, bytes.len() - from);
                    from += taken;
                    self.at = if left == 0 { self.after_message() } else { At::Body(left) };
                }
                At::Chunk(left) => {
                    let (taken, left) = take(left, bytes.len() - from);
                    from += taken;
                    self.at = if left == 0 { At::ChunkEnd } else { At::Chunk(left) };
                }
                At::Between { .. } | At::First | At::Fields | At::Size | At::ChunkEnd | At::Trailers(_) => {
                    let rest = &bytes[from..];
                    let end = memchr(b'\n', rest);
                    let in_head = !self.is_in_body();
                    let piece = &rest[..end.unwrap_or(rest.len())];
                    if self.line(piece, end.is_some()).is_none() {
                        self.at = At::Refused;
                        return if in_head { Verdict::WrongHead(from) } else { Verdict::WrongBody(from) };
                    }
                    from += end.map_or(rest.len(), |end| end + 1);
                }
            }
        }
        Verdict::Pass
    }

    /// More of a line, or the whole of it; nothing, if it is wrong.
    fn line(&mut self, piece: &[u8], ends: bool) -> Option<()> {
        if !ends {
            return self.keep(piece);
        }
        if piece.last().copied().unwrap_or(self.last) != b'\r' {
            return None;
        }
        if self.kept.is_empty() {
            if self.is_too_long(piece) {
                return None;
            }
            return self.whole(&piece[..piece.len() - 1]);
        }
        self.keep(piece)?;
        let mut kept = std::mem::take(&mut self.kept);
        // Of a line that is too long to be kept the end is missing, and with it the CR.
        if kept.last() == Some(&b'\r') {
            kept.pop();
        }
        self.last = 0;
        self.whole(&kept)
    }

    fn keep(&mut self, piece: &[u8]) -> Option<()> {
        let first = matches!(self.at, At::First | At::Between { .. }) && self.side == Side::Client;
        let goes_on = !self.kept.is_empty() && !piece.is_empty();
        if first && goes_on && self.last == b'\r' {
            return None;
        }
        if first && !grammar::is_request_line(piece.strip_suffix(b"\r").unwrap_or(piece)) {
            return None;
        }
        let room = KEPT.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
        if let Some(last) = piece.last() {
            self.last = *last;
        }
        (!self.is_too_long(&self.kept)).then_some(())
    }

    /// What is judged by its end must fit into what is kept, whether it came in pieces or not.
    fn is_too_long(&self, line: &[u8]) -> bool {
        let kept = line.get(..KEPT);
        kept.is_some_and(|kept| self.is_in_body() || grammar::field(kept) != Some(Field::Other))
    }

    fn whole(&mut self, line: &[u8]) -> Option<()> {
        match self.at {
            At::Between { blank } if line.is_empty() => {
                self.at = At::Between { blank: true };
                return (!blank).then_some(());
            }
            At::Between { .. } | At::First => {
                self.head = Head::default();
                match self.side {
                    Side::Client if !grammar::is_request_line(line) => return None,
                    Side::Client => {}
                    Side::Hub => {
                        self.head.status = grammar::status(line)?;
                        self.head.old = line.starts_with(b"HTTP/1.0");
                    }
                }
                self.at = At::Fields;
            }
            At::Fields if line.is_empty() => self.at = self.after_head(),
            At::Fields => self.field(line)?,
            At::Size => {
                self.at = match grammar::chunk_size(line)? {
                    0 => At::Trailers(0),
                    size => At::Chunk(size),
                };
            }
            At::ChunkEnd => {
                if !line.is_empty() {
                    return None;
                }
                self.at = At::Size;
            }
            At::Trailers(_) if line.is_empty() => self.at = self.after_message(),
            At::Trailers(before) => {
                let now = before + line.len();
                if now > TRAILER_BYTES || !grammar::is_trailer(line) {
                    return None;
                }
                self.at = At::Trailers(now);
            }
            At::Body(_) | At::Chunk(_) | At::Undecided | At::Unasked | At::Open | At::Refused => {}
        }
        Some(())
    }

    /// One word on where the body ends, and only one.
    fn field(&mut self, line: &[u8]) -> Option<()> {
        let head = &mut self.head;
        match grammar::field(line)? {
            Field::Other => return Some(()),
            Field::Upgrade => head.upgrade = true,
            Field::Length(length) => {
                if head.length.replace(length).is_some() || head.chunked {
                    return None;
                }
            }
            Field::Chunked => {
                if std::mem::replace(&mut head.chunked, true) || head.length.is_some() || head.old {
                    return None;
                }
            }
        }
        Some(())
    }

    fn after_head(&self) -> At {
        let Head { status, length, chunked, upgrade, .. } = self.head;
        if self.side == Side::Hub {
            match status {
                101 => return At::Open,
                100..200 => return At::First,
                204 | 304 => return At::Unasked,
                _ if self.to_head => return At::Unasked,
                _ if length.is_none() && !chunked => return At::Open,
                _ => {}
            }
        }
        match length.unwrap_or(0) {
            _ if chunked => At::Size,
            0 if upgrade && self.side == Side::Client => At::Undecided,
            0 => self.after_message(),
            length => At::Body(length),
        }
    }

    fn after_message(&self) -> At {
        match self.side {
            Side::Client => At::Between { blank: false },
            Side::Hub => At::Unasked,
        }
    }
}

/// How many of the bytes that are `there` belong to the `left` ones, and how many of those are still to come.
fn take(left: u64, there: usize) -> (usize, u64) {
    let taken = usize::try_from(left).map_or(there, |left| left.min(there));
    (taken, left - taken as u64)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
