//! What the judge says of messages, whole and in pieces.

use super::*;

/// The verdict on these bytes as one piece; the same must come of them one by one, but for the place.
fn judged(side: Side, text: &str) -> Verdict {
    let new = || {
        let mut judge = Judge::new(side);
        judge.expect(false);
        judge
    };
    let whole = new().pass(text.as_bytes());
    let mut judge = new();
    let single = text.as_bytes().chunks(1).map(|byte| judge.pass(byte)).find(|said| *said != Verdict::Pass);
    let single = single.unwrap_or(Verdict::Pass);
    assert_eq!(
        std::mem::discriminant(&whole),
        std::mem::discriminant(&single),
        "{text:?}: {whole:?} {single:?}"
    );
    whole
}

fn is_fine(side: Side, text: &str) -> bool {
    judged(side, text) == Verdict::Pass
}

const GET: &str = "GET /x HTTP/1.1\r\nHost: s\r\n\r\n";
const POST: &str = "POST /x HTTP/1.1\r\nHost: s\r\n";

#[test]
fn requests_that_mean_one_thing_pass_one_after_the_other() {
    let bodies = [
        format!("{POST}Content-Length: 5\r\n\r\nhe\nlo{GET}"),
        format!("{POST}Content-Length: 0\r\n\r\n{GET}"),
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\na\nb\r\n0\r\nX-Sum: 1\r\n\r\n{GET}"),
        format!("\r\n{GET}\r\n{GET}{GET}"),
        format!("GET /{} HTTP/1.1\r\nX: {}\r\n\r\n{GET}", "x".repeat(2000), "y".repeat(2000)),
    ];
    for text in bodies {
        assert!(is_fine(Side::Client, &text), "{text}");
    }
}

#[test]
fn a_wrong_head_is_cut_off_where_its_wrong_line_begins() {
    for (before, wrong) in [
        ("", "GET /x#y HTTP/1.1\r\n"),
        ("", "GET /x HTTP/1.1\n"),
        ("", "GET /\u{e9} HTTP/1.1\r\n"),
        ("\r\n", "\r\n"),
        ("", "\n"),
        (GET, "\n"),
        ("GET /x HTTP/1.1\r\n", "Host: s\n"),
        ("GET /x HTTP/1.1\r\nHost: s\r\n", "\n"),
        (POST, "Content-Length: 5, 5\r\n"),
        ("POST /x HTTP/1.1\r\nContent-Length: 5\r\n", "Content-Length: 5\r\n"),
        ("POST /x HTTP/1.1\r\nContent-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"),
        ("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", "content-length: 5\r\n"),
        ("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\n"),
        (POST, "Transfer-Encoding: gzip\r\n"),
    ] {
        let text = format!("{before}{wrong}Host: s\r\n\r\nhello");
        assert_eq!(judged(Side::Client, &text), Verdict::WrongHead(before.len()), "{text:?}");
    }
}

#[test]
fn a_line_that_matters_is_not_hidden_by_its_length() {
    for space in [400, 600, 5000] {
        let pad = " ".repeat(space);
        let text = format!("{POST}Content-Length: {pad}5\r\nTransfer-Encoding:{pad}chunked\r\n\r\n");
        assert!(matches!(judged(Side::Client, &text), Verdict::WrongHead(_)), "{space}");
    }
}

#[test]
fn a_wrong_body_is_noticed() {
    for wrong in [
        "5\nhello",
        "5 \r\nhello",
        "x\r\n",
        "5\r\nhello0\r\n",
        "0\r\n\n",
        "0\r\nX: 1\n\r\n",
        "0\r\nX 1\r\n\r\n",
    ] {
        let text = format!("{POST}Transfer-Encoding: chunked\r\n\r\n{wrong}");
        assert!(matches!(judged(Side::Client, &text), Verdict::WrongBody(_)), "{wrong:?}");
    }
}

#[test]
fn what_follows_a_wish_for_another_protocol_waits_for_its_answer() {
    let opening = "GET /x HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    let mut judge = Judge::new(Side::Client);
    assert_eq!(judge.pass(format!("{opening}\x01\n\x02").as_bytes()), Verdict::Hold(opening.len()));
    assert!(judge.is_undecided());
    judge.decide(true);
    assert_eq!(judge.pass(b"\x01\n\x02"), Verdict::Pass);

    let mut judge = Judge::new(Side::Client);
    assert_eq!(judge.pass(opening.as_bytes()), Verdict::Pass);
    judge.decide(false);
    assert_eq!(judge.pass(b"\n"), Verdict::WrongHead(0));
    // One with a body is a request like any other.
    assert!(is_fine(Side::Client, &format!("{POST}Upgrade: websocket\r\nContent-Length: 1\r\n\r\nx{GET}")));
}

#[test]
fn answers_that_mean_one_thing_pass() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nuntil\nthe end",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01\n\x02",
    ] {
        assert!(is_fine(Side::Hub, text), "{text:?}");
    }
    let mut judge = Judge::new(Side::Hub);
    judge.expect(true);
    assert_eq!(judge.pass(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), Verdict::Pass);
    assert!(judge.is_unasked());
}

#[test]
fn answers_that_may_mean_two_things_do_not_pass() {
    for (text, verdict) in [
        ("HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok", Verdict::WrongHead(0)),
        ("HTTP/1.1 20 OK\r\n\r\n", Verdict::WrongHead(0)),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Verdict::WrongHead(17)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", Verdict::WrongHead(36)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", Verdict::WrongBody(47)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", Verdict::Unasked(40)),
        ("HTTP/1.1 204 No Content\r\n\r\nx", Verdict::Unasked(27)),
    ] {
        assert_eq!(judged(Side::Hub, text), verdict, "{text:?}");
    }
    assert_eq!(Judge::new(Side::Hub).pass(b"HTTP/1.1 408 Late\r\n\r\n"), Verdict::Unasked(0));
}

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn where_packets_end_makes_no_difference_to_a_hundred_thousand_mutated_streams() {
    let long = "x".repeat(600);
    let streams = [
        (Side::Client, format!("{POST}Content-Length: 5\r\n\r\nhello{GET}")),
        (
            Side::Client,
            format!("{POST}Transfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\none\r\n0\r\nX: 1\r\n\r\n{GET}"),
        ),
        (
            Side::Client,
            format!("{POST}Transfer-Encoding: chunked\r\n\r\n3;{long}\r\none\r\n0\r\nX: {long}\r\n\r\n"),
        ),
        (Side::Client, format!("GET /{long} HTTP/1.1\r\nContent-Lengt: {long}\r\nUpgrade: x\r\n\r\n{GET}")),
        (
            Side::Hub,
            "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
                .into(),
        ),
        (Side::Hub, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok".into()),
    ];
    let spice = b"\r\n\0 \t:;=,\"0159afcCtTuUxX#\x7f\x80";
    let mut dice = Dice(1);
    let mut refused = 0;
    for round in 0..100_000 {
        let (side, text) = &streams[round % streams.len()];
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=dice.below(3) {
            let (at, byte) = (dice.below(bytes.len()), spice[dice.below(spice.len())]);
            match dice.below(3) {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let judge = || {
            let mut judge = Judge::new(*side);
            judge.expect(false);
            judge
        };
        let whole = judge().pass(&bytes);
        let (mut pieces, mut from, mut said) = (judge(), 0, Verdict::Pass);
        while from < bytes.len() && said == Verdict::Pass {
            let to = (from + 1 + dice.below(40)).min(bytes.len());
            said = pieces.pass(&bytes[from..to]);
            from = to;
        }
        let shown = String::from_utf8_lossy(&bytes);
        assert_eq!(
            std::mem::discriminant(&whole),
            std::mem::discriminant(&said),
            "{whole:?} {said:?}: {shown:?}"
        );
        refused += u32::from(whole != Verdict::Pass);
    }
    assert!((20_000..90_000).contains(&refused), "{refused} of 100,000 were refused");
}
