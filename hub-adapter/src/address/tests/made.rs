//! The addresses that the router makes are read back as what they were made for.

use super::super::{
    Act, By, PROXY_HEALTH_PATH, admin_page, authorize_path, choose_url, clear_choice_url, health_path,
    home_url, hub_prefix, login_url, logout_url, router_prefix, routes_api, server_api, server_url,
    spawn_pending_url, spawn_url, token_page, user_api, user_prefix, users_api, version_path, whoami_path,
};
use super::{ask, site};
use crate::names::{NameRule, UserName};

#[test]
fn what_is_made_is_read_back() {
    let site = site("/jhub/");
    let odd = UserName::canonical("x%40y é@z", NameRule::Lower).unwrap();
    let hub = "hub-b".parse().unwrap();
    for (made, row) in [
        (hub_prefix(&site), "hub"),
        (user_prefix(&site, &odd), "user"),
        (server_url(&site, &odd, Some("gpu")), "user"),
        (login_url(&site, Some("/jhub/hub/home")), "login page"),
        (spawn_url(&site, None, None, None), "spawn"),
        (spawn_url(&site, Some(&odd), None, None), "spawn for"),
        (spawn_url(&site, Some(&odd), Some("gpu"), Some("/jhub/x")), "spawn server for"),
        (spawn_pending_url(&site, &odd, None), "spawn pending"),
        (home_url(&site), "home"),
        (logout_url(&site), "logout"),
        (token_page(&site), "token page"),
        (admin_page(&site), "admin"),
        (authorize_path(&site), "api authorize"),
        (whoami_path(&site), "api whoami"),
        (users_api(&site), "api users"),
        (user_api(&site, &odd), "api user"),
        (server_api(&site, &odd, None), "api server"),
        (server_api(&site, &odd, Some("gpu")), "api server named"),
        (routes_api(&site), "api proxy"),
        (version_path(&site), "api version"),
        (health_path(&site), "api health"),
        (PROXY_HEALTH_PATH.to_owned(), "proxy health"),
        (router_prefix(&site), "router"),
        (choose_url(&site, &hub), "choose hub"),
        (clear_choice_url(&site), "clear choice"),
    ] {
        let place = ask(&site, "GET", &made).unwrap();
        assert_eq!(place.row.name, row, "{made}");
        if place.row.by == By::Owner {
            assert_eq!(place.owner.as_ref(), Some(&odd), "{made}");
        }
        assert_eq!(place.chosen.is_some(), place.row.act == Act::ChooseHub, "{made}");
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
