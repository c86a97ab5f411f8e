//! The heads of requests: one way to read them, or none.

use super::Edge;

const GET: &str = "GET /user/ada/x HTTP/1.1\r\nHost: site\r\n";
const POST: &str = "POST /user/ada/x HTTP/1.1\r\nHost: site\r\n";

/// Whatever is wrong with where a body ends.
const FRAMINGS: [&str; 21] = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: -5\r\n",
    "Content-Length: 5 5\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 5;\r\n",
    "Content-Length: 5.0\r\n",
    "Content-Length: \"5\"\r\n",
    "Content-Length: \x0b5\r\n",
    "Content-Length:\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding:\r\n",
];

#[tokio::test]
async fn a_request_whose_body_may_end_in_two_places_is_refused() {
    let edge = Edge::open().await;
    for framing in FRAMINGS {
        edge.refuses(format!("{POST}{framing}\r\n5\r\nhello\r\n0\r\n\r\n")).await;
        edge.refuses(format!("{GET}{framing}\r\n0\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn it_is_refused_whatever_packets_it_comes_in() {
    let edge = Edge::open().await;
    for framing in [FRAMINGS[0], FRAMINGS[1], FRAMINGS[2], FRAMINGS[4], "X: y\n"] {
        edge.refuses_in_pieces(&format!("{POST}{framing}\r\n")).await;
    }
}

#[tokio::test]
async fn a_coding_is_unknown_to_http_1_0() {
    let edge = Edge::open().await;
    edge.refuses("POST /user/ada/x HTTP/1.0\r\nHost: site\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        .await;
}

#[tokio::test]
async fn lines_end_with_crlf_and_nothing_else() {
    let edge = Edge::open().await;
    for head in [
        "GET /user/ada/x HTTP/1.1\nHost: site\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost: site\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\n",
        "GET /user/ada/x HTTP/1.1\nHost: site\n\n",
        "\nGET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n",
        "\r\n\r\n\r\nGET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\rHost: site\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost: site\rX: y\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost: site\r\nX: a\rb\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost: site\r\r\n\r\n",
        "GET /user/ada/x HTTP/1.1\r\nHost: site\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        edge.refuses(head).await;
    }
}

#[tokio::test]
async fn fields_are_whole_lines_of_a_name_a_colon_and_a_value() {
    let edge = Edge::open().await;
    for field in [
        "Content-Length : 5",
        "Transfer-Encoding : chunked",
        "X : y",
        "X\t: y",
        " X: y",
        "X: y\r\n folded",
        "X: y\r\n\tfolded",
        "Content-Length:\r\n 5",
        "Transfer-Encoding:\r\n chunked",
        "X",
        ": y",
        "X Y: z",
        "X\0: y",
        "X: a\0b",
        "X: a\x01b",
        "X: a\x7fb",
        "X\u{e9}: y",
        "X(: y",
        "X\x0b: y",
    ] {
        edge.refuses(format!("{GET}{field}\r\n\r\n")).await;
    }
    // Folded from the very first line.
    edge.refuses("GET /user/ada/x HTTP/1.1\r\n Host: site\r\n\r\n").await;
}

#[tokio::test]
async fn the_first_line_is_a_method_a_target_and_a_version_one_space_apart() {
    let edge = Edge::open().await;
    for line in [
        "GET /user/ada/x",
        "GET  /user/ada/x HTTP/1.1",
        "GET /user/ada/x  HTTP/1.1",
        "GET\t/user/ada/x HTTP/1.1",
        "GET /user/ada/x\tHTTP/1.1",
        " GET /user/ada/x HTTP/1.1",
        "GET /user/ada/x HTTP/1.1 ",
        "GET /user/ada/x y HTTP/1.1",
        "GET /user/ada/x http/1.1",
        "GET /user/ada/x HTTP/1.2",
        "GET /user/ada/x HTTP/0.9",
        "GET /user/ada/x HTTP/2.0",
        "GET /user/ada/x HTTP/1.10",
        "GET /user/ada/x HTTP/11",
        "GET /user/ada/x HTTP/1.1x",
        "G\0T /user/ada/x HTTP/1.1",
        "G(T /user/ada/x HTTP/1.1",
        "GET /user/ada/x#y HTTP/1.1",
        "GET /user/ada/x?y#z HTTP/1.1",
        "GET /user/ada/\0 HTTP/1.1",
        "GET /user/ada/\x7f HTTP/1.1",
        "GET /user/ada/\u{e9} HTTP/1.1",
        "GET user/ada/x HTTP/1.1",
        "GET HTTP/1.1",
        "/user/ada/x HTTP/1.1",
    ] {
        edge.refuses(format!("{line}\r\nHost: site\r\nConnection: close\r\n\r\n")).await;
    }
    // HTTP/0.9 in its own way, without an empty line.
    let mut client = edge.site.wire().await;
    client.say("GET /user/ada/x\r\n").await;
    client.half_close().await;
    let answer = client.rest().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn one_empty_line_before_a_request_is_passed_over() {
    let mut edge = Edge::open().await;
    let (_client, at_hub) = edge.sent(format!("\r\n{GET}\r\n")).await;
    assert!(at_hub.head.starts_with("GET /user/ada/x HTTP/1.1\r\n"), "{}", at_hub.head);
}

#[tokio::test]
async fn a_good_request_goes_before_a_bad_one_that_follows_it_and_the_bad_one_goes_nowhere() {
    let mut edge = Edge::open().await;
    let (mut client, mut at_hub) = edge.sent(format!("{GET}\r\n{POST}{}\r\n", FRAMINGS[0])).await;
    at_hub.answer("good").await;

    let answers = client.rest().await;
    assert!(answers.starts_with("HTTP/1.1 200 ") && answers.contains("goodHTTP/1.1 400 "), "{answers}");
    assert_eq!(edge.hub.connections(), 1);
    at_hub.wire.is_silent_for(std::time::Duration::from_millis(100)).await;
}
