//! Reads along in the event stream of a start: has it ended, and how?
//!
//! The bytes are looked at as they pass, in pieces of any size, and none is kept. An event is one line `data: {...}`
//! (`apihandlers/users.py` `SpawnProgressAPIHandler`); what spawners add below the top of it, whatever its name, and
//! what they write in messages counts for nothing.

/// How a start ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `"ready": true`: the server runs.
    Ready,
    /// `"failed": true`.
    Failed,
}

const FIELD: &[u8] = b"data:";
const TRUE: &[u8] = b"true";
/// The longest name that matters.
const LONGEST: usize = 6;

/// Reads one stream from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    line: Line,
    under_way: bool,
    ended: bool,
}

/// Where in a line the next byte stands.
#[derive(Clone, Debug)]
enum Line {
    /// So many bytes of `data:` have come.
    Field(usize),
    /// In an event.
    Event(Event),
    /// In a line that is no event.
    Other,
}

impl Default for Line {
    fn default() -> Line {
        Line::Field(0)
    }
}

/// The JSON text of one event, as far as it has come.
#[derive(Clone, Debug, Default)]
struct Event {
    depth: usize,
    in_string: bool,
    escaped: bool,
    word: [u8; LONGEST],
    length: usize,
    /// The last string at the top, if it is a name that matters.
    name: Option<End>,
    /// The name whose value comes.
    of: Option<End>,
    /// How many bytes of `true` have come.
    matched: usize,
}

impl Scanner {
    /// Reads the next bytes; tells once that the start has ended.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<End> {
        for byte in bytes {
            if self.ended {
                return None;
            }
            let end = self.step(*byte);
            if end.is_some() {
                self.ended = true;
                return end;
            }
        }
        None
    }

    /// Whether an event came that was not the last one. A stream without is of a start that had ended before it began.
    pub fn was_under_way(&self) -> bool {
        self.under_way
    }

    fn step(&mut self, byte: u8) -> Option<End> {
        if matches!(byte, b'\n' | b'\r') {
            self.under_way |= matches!(&self.line, Line::Event(event) if event.depth == 0);
            self.line = Line::Field(0);
            return None;
        }
        match &mut self.line {
            Line::Event(event) => return event.step(byte),
            Line::Field(matched) if byte == FIELD[*matched] => {
                *matched += 1;
                if *matched == FIELD.len() {
                    self.line = Line::Event(Event::default());
                }
            }
            Line::Field(_) => self.line = Line::Other,
            Line::Other => {}
        }
        None
    }
}

impl Event {
    fn step(&mut self, byte: u8) -> Option<End> {
        if self.in_string {
            self.in_string(byte);
            return None;
        }
        match byte {
            b'"' => (self.in_string, self.length, self.of) = (true, 0, None),
            b'{' | b'[' => (self.depth, self.name, self.of) = (self.depth + 1, None, None),
            b'}' | b']' => (self.depth, self.name, self.of) = (self.depth.saturating_sub(1), None, None),
            b':' => (self.of, self.name, self.matched) = (self.name, None, 0),
            b',' => (self.name, self.of) = (None, None),
            b' ' | b'\t' => {}
            value if self.of.is_some() && TRUE[self.matched] == value => {
                self.matched += 1;
                if self.matched == TRUE.len() {
                    return self.of.take();
                }
            }
            _ => self.of = None,
        }
        None
    }

    fn in_string(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => {
                self.in_string = false;
                self.name = if self.depth == 1 { self.name_that_matters() } else { None };
                return;
            }
            _ => {}
        }
        // A name that matters has no escapes: their bytes make the word another one.
        if let Some(place) = self.word.get_mut(self.length) {
            *place = byte;
        }
        self.length += 1;
    }

    fn name_that_matters(&self) -> Option<End> {
        match self.word.get(..self.length)? {
            b"ready" => Some(End::Ready),
            b"failed" => Some(End::Failed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &str, piece: usize) -> (Option<End>, bool) {
        let mut scanner = Scanner::default();
        let mut end = None;
        for bytes in stream.as_bytes().chunks(piece) {
            end = end.or(scanner.feed(bytes));
        }
        (end, scanner.was_under_way())
    }

    /// The same in pieces of any size.
    fn scanned(stream: &str) -> (Option<End>, bool) {
        let whole = read(stream, stream.len().max(1));
        for piece in 1..stream.len() {
            assert_eq!(read(stream, piece), whole, "in pieces of {piece}: {stream}");
        }
        whole
    }

    #[test]
    fn the_end_of_a_start_is_seen_in_its_last_event() {
        let begun = "\n\ndata: {\"progress\": 0, \"message\": \"Server requested\"}\n\n";
        let ready = "data: {\"progress\": 100, \"ready\": true, \"url\": \"/user/ada/\"}\n\n";
        let failed = "data: {\"progress\":100,\"failed\":true,\"message\":\"Spawn failed\"}\r\n\r\n";
        assert_eq!(scanned(&format!("{begun}\n\n{ready}")), (Some(End::Ready), true));
        assert_eq!(scanned(&format!("{begun}{failed}")), (Some(End::Failed), true));
        assert_eq!(scanned(begun), (None, true));
    }

    #[test]
    fn a_stream_that_begins_with_the_end_was_not_under_way() {
        assert_eq!(scanned("data: {\"progress\": 100, \"ready\": true}\n\n"), (Some(End::Ready), false));
        assert_eq!(scanned("\n\n\n\n"), (None, false));
    }

    #[test]
    fn what_only_looks_like_the_end_is_none() {
        for event in [
            r#"data: {"ready": false, "failed": false}"#,
            r#"data: {"message": "\"ready\": true"}"#,
            r#"data: {"message": "ready", "failed_before": true, "xready": true}"#,
            r#"data: {"raw_event": {"ready": true, "list": [{"failed": true}]}}"#,
            r#"data: {"ready": "true", "failed": [true], "x": true}"#,
            r#"data: {"rea\u0064y": true, "ready\\": true}"#,
            r#"data: {"ready": tru, "failed": null}"#,
            r#"datum: {"ready": true}"#,
            r#"event: data: {"ready": true}"#,
            r#": data: {"failed": true}"#,
        ] {
            assert_eq!(scanned(&format!("{event}\n\n")).0, None, "{event}");
        }
    }

    #[test]
    fn an_end_is_told_once() {
        let mut scanner = Scanner::default();
        assert_eq!(scanner.feed(b"data: {\"failed\": true}\n\n"), Some(End::Failed));
        assert_eq!(scanner.feed(b"data: {\"ready\": true}\n\n"), None);
    }

    #[test]
    fn a_name_of_any_length_and_any_bytes_do_no_harm() {
        let long = "x".repeat(100_000);
        assert_eq!(
            read(&format!("data: {{\"{long}\": \"{long}\", \"ready\": true}}"), 997).0,
            Some(End::Ready)
        );
        let mut scanner = Scanner::default();
        for byte in (0..=u8::MAX).cycle().take(10_000) {
            assert_eq!(scanner.feed(&[b'\n', byte, b'"', b'}', byte]), None);
        }
    }
}
