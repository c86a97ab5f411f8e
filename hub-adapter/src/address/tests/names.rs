//! The rules on names and paths, one sentence each.

use super::super::BadPath;
use super::{ask, get, owner, site};

fn owned(target: &str) -> String {
    owner(target).unwrap().unwrap()
}

#[test]
fn names_are_read_as_the_hub_reads_them() {
    for (target, name) in [
        ("/user/UPPER/lab", "upper"),
        ("/user/%C3%89lise/lab", "élise"),
        ("/user/%c3%a9lise", "élise"),
        ("/user/bob@example.org/", "bob@example.org"),
        ("/user/bob%40example.org/", "bob@example.org"),
        ("/user/a%20b/", "a b"),
        ("/user/a+b/", "a+b"),
        ("/user/a%2Bb/", "a+b"),
        ("/user/x%2540y/", "x%40y"),
        ("/user/x%40y/", "x@y"),
        ("/user/sla%252fsh/", "sla%2fsh"),
        ("/user/semi%3Bcolon/", "semi;colon"),
        ("/user/alice;bob/", "alice;bob"),
        ("/user/o%27brien/", "o'brien"),
        ("/user/o'brien/", "o'brien"),
        ("/user/tilde~x/", "tilde~x"),
        ("/user/%E5%90%8D%E5%89%8D/", "名前"),
        ("/%75ser/bob", "bob"),
        ("/user/%62ob", "bob"),
        ("/hub/%75ser/%62ob/lab", "bob"),
        ("/hub/api/users/x%2540y/server", "x%40y"),
        ("/hub/spawn/Bob", "bob"),
    ] {
        assert_eq!(owned(target), name, "{target}");
    }
}

#[test]
fn a_path_that_could_be_two_users_at_once_is_refused() {
    for (target, bad) in [
        ("/user/alice/../bob", BadPath::DotSegment),
        ("/user/alice/%2e%2e/bob", BadPath::DotSegment),
        ("/user/alice/.%2E/bob", BadPath::DotSegment),
        ("/user/alice/x\\..\\..\\bob", BadPath::DotSegment),
        ("/user/alice/a/b/./c", BadPath::DotSegment),
        ("/user/../user/bob", BadPath::DotSegment),
        ("/user/./bob", BadPath::DotSegment),
        ("/user/%2e%2e", BadPath::DotSegment),
        ("/user/alice%2fbob", BadPath::Slash),
        ("/user/alice%2F..%2fbob", BadPath::Slash),
        ("/user/alice%5cbob", BadPath::Backslash),
        ("/user/alice\\bob", BadPath::Backslash),
        ("/user\\bob", BadPath::Backslash),
        ("/hub\\user\\bob", BadPath::Backslash),
        ("/user%2fbob/lab", BadPath::Slash),
        ("/x%2fuser%2fbob", BadPath::Slash),
        ("/hub%2fuser/bob", BadPath::Slash),
        ("/hub/user%2fbob", BadPath::Slash),
        ("//user/alice", BadPath::Empty),
        ("/user//alice", BadPath::Empty),
        ("/user/alice//lab", BadPath::Empty),
        ("/hub//user/alice", BadPath::Empty),
        ("/hub/user//alice", BadPath::Empty),
        ("/hub/api/users//server", BadPath::Empty),
        ("/services//x", BadPath::Empty),
        ("//", BadPath::Empty),
        ("/user/alice%00", BadPath::Control),
        ("/user/alice%0a", BadPath::Control),
        ("/user/%c3%28", BadPath::NotUtf8),
        ("/user/%zz", BadPath::BadEscape),
        ("/user/alice%2", BadPath::BadEscape),
        ("/user/élise", BadPath::RawByte),
        ("/hub/spawn/alice/../bob", BadPath::DotSegment),
        ("/hub/spawn/alice%2fbob", BadPath::Slash),
        ("/hub/api/users/alice%2Fserver", BadPath::Slash),
        ("/hub/user/alice/../bob/lab", BadPath::DotSegment),
        ("/hub/static/../../user/bob", BadPath::DotSegment),
        ("/services/grader/../../user/bob", BadPath::DotSegment),
        ("/services/a%2f..%2fb/", BadPath::Slash),
        ("*", BadPath::NotAbsolute),
        ("", BadPath::NotAbsolute),
        ("user/alice", BadPath::NotAbsolute),
        (
            "/hub/api/oauth2/authorize?client_id=jupyterhub-user-alice&redirect_uri=%2Fuser%2Fbob%2Foauth_callback",
            BadPath::TwoOwners,
        ),
        ("/hub/api/oauth2/authorize?client_id=a&client_id=b", BadPath::Twice("client_id")),
    ] {
        assert_eq!(owner(target), Err(bad), "{target}");
    }
}

#[test]
fn the_same_holds_below_a_base_path() {
    let site = site("/jhub/");
    for (target, bad) in [
        ("/jhub%2fuser%2fbob", BadPath::Slash),
        ("/jhub//user/bob", BadPath::Empty),
        ("//jhub/user/bob", BadPath::Empty),
        ("/x/../jhub/user/bob", BadPath::DotSegment),
        ("/jhub/user/a%2fb", BadPath::Slash),
    ] {
        assert_eq!(ask(&site, "GET", target), Err(bad), "{target}");
    }
    let place = ask(&site, "GET", "/%6Ahub/%75ser/%42ob/lab").unwrap();
    assert_eq!(place.owner.unwrap().as_str(), "bob");
}

#[test]
fn a_server_name_is_held_to_the_same_rules_as_an_owner() {
    for (server, bad) in [
        ("a%2fb", BadPath::Slash),
        ("a%5cb", BadPath::Backslash),
        ("a%00", BadPath::Control),
        ("%ff", BadPath::NotUtf8),
        ("%2", BadPath::BadEscape),
    ] {
        for prefix in
            ["/user/alice/", "/hub/user/alice/", "/hub/spawn/alice/", "/hub/api/users/alice/servers/"]
        {
            assert_eq!(get(&format!("{prefix}{server}")), Err(bad), "{prefix}{server}");
        }
    }
}

#[test]
fn behind_owner_and_server_all_bytes_pass_as_they_came() {
    for tail in [
        "files/a%2fb",
        "lab//tree",
        "files/100%.txt",
        "files/%ff%00",
        "files/a\\b",
        "files/é",
        "x/...",
        "x/.git",
    ] {
        let target = format!("/user/alice/{tail}");
        assert_eq!(owned(&target), "alice", "{target}");
    }
}

#[test]
fn an_exact_site_tells_capitals_apart() {
    let exact = crate::Site::new("/".parse().unwrap(), crate::NameRule::Exact, []);
    assert_eq!(ask(&exact, "GET", "/user/Ada/").unwrap().owner.unwrap().as_str(), "Ada");
}

#[test]
fn every_refusal_says_in_words_what_is_wrong() {
    for bad in
        [BadPath::Empty, BadPath::DotSegment, BadPath::Slash, BadPath::TwoOwners, BadPath::Twice("client_id")]
    {
        assert!(bad.to_string().split(' ').count() > 5, "{bad}");
    }
}
