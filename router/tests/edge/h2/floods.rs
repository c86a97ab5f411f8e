//! Floods of frames that cost the sender little: bounded, and nobody else notices.

use std::time::Duration;

use http::Request;

use super::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, GOOD, HEADERS, PING, PRIORITY, RST_STREAM, Raw,
    SETTINGS, WINDOW_UPDATE, block, frame,
};
use super::{Front, get, patient, text};

/// Well above what is allowed in the seconds that a test takes, for each kind of frame.
const MANY: usize = 40_000;

async fn is_cut(front: &Front, what: &str, raw: Raw, make: impl Fn(usize) -> Vec<u8>) {
    let (cut, sent) = raw.floods(MANY, make).await;
    assert!(cut, "{what}: {sent} were taken");
    // The site is as it was.
    assert_eq!(front.client().await.answer(get("/_chp_healthz")).await.status(), 200, "after {what}");
}

#[tokio::test]
async fn frames_that_carry_nothing_end_their_connection_after_a_while() {
    let front = Front::open("").await;
    let kinds: [(&str, Vec<u8>); 5] = [
        ("pings", frame(PING, 0, 0, b"12345678")),
        ("answers to pings", frame(PING, 1, 0, b"12345678")),
        ("settings", frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])),
        ("priorities", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 16])),
        ("frames that nobody knows", frame(0x77, 0, 0, b"")),
    ];
    for (what, bytes) in kinds {
        is_cut(&front, what, Raw::open(&front).await, |_| bytes.clone()).await;
    }
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn a_few_pings_and_settings_are_answered() {
    let front = Front::open("").await;
    let mut raw = Raw::open(&front).await;
    for _ in 0..300 {
        raw.say(&frame(PING, 0, 0, b"12345678")).await;
        let pong = raw.until(PING).await.unwrap();
        assert_eq!((pong.flags & 1, pong.payload), (1, b"12345678".to_vec()));
    }
}

#[tokio::test]
async fn requests_that_are_reset_at_once_end_their_connection() {
    let front = Front::open("").await;
    let make = |number: usize| {
        let stream = u32::try_from(number).unwrap() * 2 + 1;
        let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(GOOD));
        bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        bytes
    };
    is_cut(&front, "resets", Raw::open(&front).await, make).await;
    let reached = front.hub.connections();
    assert!(reached < 1100, "{reached} of them reached the hub");
}

#[tokio::test]
async fn requests_that_are_reset_one_after_the_other_end_their_connection_too() {
    let front = Front::open("").await;
    let mut raw = Raw::open(&front).await;
    let mut pairs = 0;
    let ended = loop {
        let stream = pairs * 2 + 1;
        let request = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(GOOD));
        // When the ping is answered the request is under way: no burst that the library would notice.
        let ping = frame(PING, 0, 0, b"12345678");
        let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        if !raw.says(&[request, ping].concat()).await
            || raw.until(PING).await.is_none()
            || !raw.says(&reset).await
        {
            break true;
        }
        pairs += 1;
        if pairs > 2000 {
            break false;
        }
    };
    assert!(ended && (400..1000).contains(&pairs), "{pairs} were taken");
    assert_eq!(front.client().await.answer(get("/_chp_healthz")).await.status(), 200);
}

#[tokio::test]
async fn requests_that_the_router_has_to_reset_end_their_connection() {
    let front = Front::open("").await;
    let make = |number: usize| {
        let stream = u32::try_from(number).unwrap() * 2 + 1;
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&[GOOD, &[("connection", "x")]].concat()))
    };
    is_cut(&front, "malformed requests", Raw::open(&front).await, make).await;
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn requests_that_the_router_is_made_to_reset_end_their_connection() {
    let front = Front::open("").await;
    let make = |number: usize| {
        let stream = u32::try_from(number).unwrap() * 2 + 1;
        let mut bytes = frame(HEADERS, END_HEADERS, stream, &block(GOOD));
        // More room than there can be is an error of the stream (RFC 9113 6.9.1).
        bytes.extend(frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes()));
        bytes
    };
    is_cut(&front, "room for streams", Raw::open(&front).await, make).await;
    let reached = front.hub.connections();
    assert!(reached < 1100, "{reached} of them reached the hub");
}

#[tokio::test]
async fn a_head_without_an_end_ends_its_connection() {
    let front = Front::open("").await;
    for piece in [&b""[..], &block(&[("x", "y")]), &[0, 1, b'x', 126]] {
        let mut raw = Raw::open(&front).await;
        raw.say(&frame(HEADERS, 0, 1, &block(GOOD))).await;
        for _ in 0..12 {
            // It may have ended before the last.
            raw.says(&frame(CONTINUATION, 0, 1, piece)).await;
        }
        let last = raw.until(GOAWAY).await;
        assert!(last.is_none_or(|last| last.payload[4..8] != [0; 4]), "it ended in peace");
    }
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn a_small_head_that_unfolds_to_a_large_one_is_refused() {
    let front = Front::open("").await;
    let mut raw = Raw::open(&front).await;
    // A field of 4,000 bytes goes into the table, and is named by one byte again and again (RFC 7541 6.1).
    let mut fields = block(GOOD);
    fields.extend([0x40, 1, b'x', 127, 0xa1, 0x1e]);
    fields.extend(std::iter::repeat_n(b'v', 127 + 0x21 + (0x1e << 7)));
    fields.extend(std::iter::repeat_n(0x80 | 62, 10_000));
    raw.say(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields)).await;
    let refused = loop {
        match raw.next().await {
            None => break true,
            Some(frame) if frame.kind == GOAWAY => break true,
            // Its status stands in the static table only for a few; a body would follow one that is fine.
            Some(frame) if frame.stream == 1 => {
                break frame.kind == RST_STREAM || frame.flags & END_STREAM != 0;
            }
            Some(_) => {}
        }
    };
    assert!(refused);
    assert_eq!(front.hub.connections(), 0);
}

#[tokio::test]
async fn empty_pieces_of_a_body_end_their_connection_and_its_exchange() {
    let mut front = Front::open("").await;
    for piece in [frame(DATA, 0, 1, b""), frame(DATA, 8, 1, &[[200].as_slice(), &[0; 200]].concat())] {
        let mut raw = Raw::open(&front).await;
        raw.say(&frame(HEADERS, END_HEADERS, 1, &block(GOOD))).await;
        let mut at_hub = front.hub.request().await;
        is_cut(&front, "empty pieces", raw, |_| piece.clone()).await;
        assert!(!at_hub.wire.rest().await.contains("0\r\n"), "it looks complete");
    }
}

#[tokio::test]
async fn room_that_nobody_asked_for_ends_a_connection() {
    let front = Front::open("").await;
    let more = frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes());
    is_cut(&front, "room", Raw::open(&front).await, |_| more.repeat(4)).await;
    let mut raw = Raw::open(&front).await;
    raw.say(&frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes())).await;
    assert_eq!(raw.until(GOAWAY).await.unwrap().payload[4..8], 3_u32.to_be_bytes(), "FLOW_CONTROL_ERROR");
}

#[tokio::test]
async fn more_streams_than_announced_are_refused_and_the_rest_is_answered() {
    let mut front = Front::open("").await;
    let mut raw = Raw::open(&front).await;
    let settings = raw.until(SETTINGS).await.unwrap().payload;
    let value = |id: u8| {
        let found = settings.chunks(6).find(|entry| entry[..2] == [0, id]);
        found.map(|entry| u32::from_be_bytes(entry[2..6].try_into().unwrap()))
    };
    // RFC 9113 6.5.2; 8 is the extended CONNECT of RFC 8441.
    assert_eq!(
        (value(3), value(4), value(6), value(8)),
        (Some(256), Some(512 * 1024), Some(128 * 1024), Some(1))
    );
    for number in 0..=256_u32 {
        raw.request(number * 2 + 1, GOOD).await;
    }
    assert!(raw.reset(513).await);
    let mut at_hub = front.hub.request().await;
    at_hub.answer("fine").await;
    assert!(raw.until(HEADERS).await.is_some());
}

#[tokio::test]
async fn a_flood_does_not_hold_up_others_on_the_same_thread() {
    let mut front = Front::open("workers: 1").await;
    let mut client = front.client().await;
    let raw = Raw::open(&front).await;
    let flood = tokio::spawn(raw.floods(MANY, |_| frame(PING, 0, 0, b"12345678")));
    for _ in 0..20 {
        let sent = client.send(Request::get("https://site.example/user/ada/x").body(()).unwrap()).await;
        let mut at_hub = front.hub.request().await;
        at_hub.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        let answer = tokio::time::timeout(Duration::from_secs(1), text(patient(sent).await.unwrap()));
        assert_eq!(answer.await.unwrap(), "ok");
    }
    assert!(flood.await.unwrap().0);
}
