//! The addresses that the router makes are read back as what they were made for.

use super::super::{
    By, admin_page, home_url, login_url, logout_url, proxy_api, server_url, spawn_url, user_api, users_api,
    whoami_path,
};
use super::{ask, site};
use crate::names::{NameRule, UserName};

#[test]
fn what_is_made_is_read_back() {
    let site = site("/jhub/");
    let odd = UserName::canonical("x%40y é@z", NameRule::Lower).unwrap();
    for (made, row) in [
        (server_url(&site, &odd, None), "user"),
        (server_url(&site, &odd, Some("gpu")), "user"),
        (login_url(&site, Some("/jhub/hub/home")), "login page"),
        (spawn_url(&site, None, None, None), "spawn"),
        (spawn_url(&site, Some(&odd), None, None), "spawn for"),
        (spawn_url(&site, Some(&odd), Some("gpu"), Some("/jhub/x")), "spawn server for"),
        (home_url(&site), "home"),
        (logout_url(&site), "logout"),
        (admin_page(&site), "admin"),
        (whoami_path(&site), "api whoami"),
        (users_api(&site), "api users"),
        (user_api(&site, &odd), "api user"),
        (proxy_api(&site), "api proxy"),
    ] {
        let place = ask(&site, "GET", &made).unwrap();
        assert_eq!(place.row.name, row, "{made}");
        if place.row.by == By::Owner {
            assert_eq!(place.owner.as_ref(), Some(&odd), "{made}");
        }
    }
}

#[test]
fn a_login_keeps_a_next_of_this_site_and_drops_any_other() {
    let site = site("/");
    assert_eq!(
        login_url(&site, Some("/hub/spawn?a=b&c=d")),
        "/hub/login?next=%2Fhub%2Fspawn%3Fa%3Db%26c%3Dd"
    );
    assert_eq!(login_url(&site, Some("https://site.example/user/a/")), "/hub/login?next=%2Fuser%2Fa%2F");
    for next in
        ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "/a\r\nb: c"]
    {
        assert_eq!(login_url(&site, Some(next)), "/hub/login", "{next}");
    }
}
