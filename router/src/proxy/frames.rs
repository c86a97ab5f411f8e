//! Where the frames of a WebSocket begin and end (RFC 6455 5.2), and the frame that closes it.
//!
//! Only headers are looked at: payloads are skipped, never unmasked, copied or checked. Whether the two ends keep to the
//! protocol is their own affair.

/// The longest header without its mask: two bytes, and eight of length.
const LONGEST_HEAD: usize = 10;
/// A mask's bytes (servers send none) are skipped like those of a payload.
const MASK: u64 = 4;
/// The operation of a close frame.
const CLOSE: u8 = 0x8;
/// The bit that says that a frame is the last one of its message; control frames always have it.
const FINAL: u8 = 0x80;

/// How far one direction of a WebSocket has come within its frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames {
    /// What was read of a header that is not complete.
    head: [u8; LONGEST_HEAD],
    /// How much of it.
    read: u8,
    /// How many bytes of the present frame are still to come after its header.
    left: u64,
    /// A close frame has begun: what follows means nothing (RFC 6455 5.5.1).
    closed: bool,
}

impl Frames {
    /// Takes notice of bytes that pass; they may begin and end anywhere.
    pub fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = if self.left > 0 { self.skip(bytes) } else { self.read_head(bytes) };
        }
    }

    /// Whether a close frame of ours would be understood: none has passed, and no frame is under way.
    ///
    /// A message of several frames may be: control frames stand between its parts (RFC 6455 5.4).
    #[must_use]
    pub fn may_close(&self) -> bool {
        !self.closed && self.left == 0 && self.read == 0
    }

    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= skipped as u64;
        &bytes[skipped..]
    }

    fn read_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let read = usize::from(self.read);
        let taken = (self.needed() - read).min(bytes.len());
        self.head[read..read + taken].copy_from_slice(&bytes[..taken]);
        // At most `LONGEST_HEAD`.
        self.read += taken as u8;
        if usize::from(self.read) == self.needed() {
            self.begin_payload();
        }
        &bytes[taken..]
    }

    /// How long the header is, as far as it is known.
    fn needed(&self) -> usize {
        match self.head[1] & 0x7f {
            _ if self.read < 2 => 2,
            126 => 4,
            127 => LONGEST_HEAD,
            _ => 2,
        }
    }

    fn begin_payload(&mut self) {
        let [_, second, rest @ ..] = self.head;
        let payload = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([rest[0], rest[1]])),
            127 => u64::from_be_bytes(rest),
            short => u64::from(short),
        };
        let masked = second & 0x80 != 0;
        self.left = payload.saturating_add(if masked { MASK } else { 0 });
        self.closed |= self.head[0] & 0xf == CLOSE;
        self.read = 0;
    }
}

/// Why the router closes a WebSocket whose hub said no word of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    /// The hub's side ended or broke.
    HubBroke,
    /// The router itself ends.
    RouterStops,
    /// Nothing passed for `timeouts.stream_idle`.
    Idle,
}

impl Goodbye {
    /// The code (RFC 6455 7.4.1, and IANA's registry of close codes).
    ///
    /// 1012, *service restart*, says what is true of a hub and of a router that went away: open the connection anew,
    /// after a random delay. 1014, *bad gateway*, stands for an invalid answer, and none came; libraries that are older
    /// than its registration take it for a violation of the protocol. The reason tells hub from router.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::HubBroke | Self::RouterStops => 1012,
            Self::Idle => 1001,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::HubBroke => "the server's side broke off",
            Self::RouterStops => "the router restarts",
            Self::Idle => "nothing was said for too long",
        }
    }

    /// The close frame, as a server sends it.
    #[must_use]
    pub fn frame(self) -> Vec<u8> {
        let reason = self.reason().as_bytes();
        // Reasons are a few words: a control frame carries 125 bytes at most (RFC 6455 5.5).
        let mut frame = vec![FINAL | CLOSE, 2 + reason.len() as u8];
        frame.extend(self.code().to_be_bytes());
        frame.extend(reason);
        frame
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
