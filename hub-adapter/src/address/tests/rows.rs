//! One case per row at least, and what the rows answer about themselves.

use std::collections::BTreeSet;

use http::Method;

use super::super::{Act, By, Plane, TABLE};
use super::{ask, get, site};

/// Row, method, address below `base_url` (with a leading `/`: below the root), owner, and server, service or hub.
#[rustfmt::skip]
const CASES: &[(&str, &str, &str, &str, &str)] = &[
    ("user logout", "GET", "user/ada/logout", "ada", ""),
    ("server logout", "GET", "user/ada/gpu/logout", "ada", ""),
    ("user callback", "GET", "user/ada/oauth_callback?code=1&state=2", "ada", ""),
    ("server callback", "GET", "user/ada/gpu/oauth_callback?code=1", "ada", ""),
    ("user", "GET", "user/ada", "ada", ""),
    ("user", "GET", "user/ada/", "ada", ""),
    ("user", "PUT", "user/ada/api/contents/a%2Fb//c.ipynb", "ada", ""),
    ("user", "GET", "user/ada/files/logout", "ada", ""),
    ("user", "GET", "user/ada/logout/more/still", "ada", ""),
    ("service", "GET", "services/grader/a//b%2fc", "", "grader"),
    ("service", "POST", "services/grader", "", "grader"),
    ("api health", "GET", "hub/api/health", "", ""),
    ("api info", "GET", "hub/api/info", "", ""),
    ("api metrics", "GET", "hub/api/metrics", "", ""),
    ("api proxy", "PATCH", "hub/api/proxy", "", ""),
    ("api shutdown", "POST", "hub/api/shutdown", "", ""),
    ("api shutdown", "POST", "hub/api/shutdown/", "", ""),
    ("api shutdown", "POST", "%68ub/ap%69/%73hutdown", "", ""),
    ("api edit user", "PATCH", "hub/api/users/ada", "ada", ""),
    ("api start", "POST", "hub/api/users/ada/server", "ada", ""),
    ("api server", "DELETE", "hub/api/users/ada/server", "ada", ""),
    ("api progress", "GET", "hub/api/users/ada/server/progress", "ada", ""),
    ("api start unnamed", "POST", "hub/api/users/ada/servers/", "ada", ""),
    ("api servers", "DELETE", "hub/api/users/ada/servers/", "ada", ""),
    ("api start named", "POST", "hub/api/users/ada/servers/gpu", "ada", "gpu"),
    ("api server named", "GET", "hub/api/users/ada/servers/gpu", "ada", "gpu"),
    ("api progress named", "GET", "hub/api/users/ada/servers/gpu/progress", "ada", "gpu"),
    ("api tokens", "POST", "hub/api/users/ada/tokens", "ada", ""),
    ("api tokens", "DELETE", "hub/api/users/ada/tokens/a1", "ada", ""),
    ("api activity", "POST", "hub/api/users/ada/activity", "ada", ""),
    ("api shared", "GET", "hub/api/users/ada/shared", "ada", ""),
    ("api shared", "DELETE", "hub/api/users/ada/shared/bo/gpu", "ada", ""),
    ("api admin access", "POST", "hub/api/users/ada/admin-access", "ada", ""),
    ("api user", "GET", "hub/api/users/ada", "ada", ""),
    ("api user", "POST", "hub/api/users/Ada/", "ada", ""),
    ("api user", "DELETE", "hub/api/users/ada/news", "ada", ""),
    ("api users", "GET", "hub/api/users?state=active", "", ""),
    ("api users", "POST", "hub/api/users", "", ""),
    ("api whoami", "GET", "hub/api/user", "", ""),
    ("api groups", "GET", "hub/api/groups", "", ""),
    ("api groups", "POST", "hub/api/groups/staff/users", "", ""),
    ("api services", "GET", "hub/api/services/grader", "", ""),
    ("api shares", "POST", "hub/api/shares/ada", "ada", ""),
    ("api shares", "POST", "hub/api/shares/ada/", "ada", ""),
    ("api server shares", "GET", "hub/api/shares/ada/gpu", "ada", "gpu"),
    ("api share codes", "POST", "hub/api/share-codes/ada/", "ada", ""),
    ("api server share codes", "DELETE", "hub/api/share-codes/ada/gpu", "ada", "gpu"),
    ("api authorize", "GET", "hub/api/oauth2/authorize?client_id=jupyterhub-user-ada", "ada", ""),
    ("api authorize", "POST", "hub/api/oauth2/authorize?client_id=service-grader", "", "grader"),
    ("api authorize", "GET", "hub/api/oauth2/authorize?client_id=other", "", ""),
    ("api oauth token", "POST", "hub/api/oauth2/token", "", ""),
    ("api token check", "GET", "hub/api/authorizations/token/abc", "", "abc"),
    ("api other", "POST", "hub/api/authorizations/token", "", ""),
    ("api cookie check", "GET", "hub/api/authorizations/cookie/name/value", "", ""),
    ("api version", "GET", "hub/api", "", ""),
    ("api version", "GET", "hub/api/", "", ""),
    ("api other", "GET", "hub/api/news/from/tomorrow", "", ""),
    ("hub user", "GET", "hub/user/ada/lab", "ada", ""),
    ("hub user", "GET", "hub/user/ada", "ada", ""),
    ("spawn for", "GET", "hub/spawn/ada", "ada", ""),
    ("spawn server for", "POST", "hub/spawn/ada/gpu", "ada", "gpu"),
    ("spawn for, other methods", "OPTIONS", "hub/spawn/ada/gpu", "ada", ""),
    ("spawn pending", "GET", "hub/spawn-pending/ada", "ada", ""),
    ("spawn pending server", "GET", "hub/spawn-pending/ada/gpu", "ada", "gpu"),
    ("login form", "POST", "hub/login?next=%2Fuser%2Fbo%2F", "", ""),
    ("login page", "GET", "hub/login?next=%2Fuser%2Fbo%2F", "", ""),
    ("signup form", "POST", "hub/signup", "", ""),
    ("signup page", "GET", "hub/signup", "", ""),
    ("oauth login", "GET", "hub/oauth_login?next=", "", ""),
    ("oauth callback", "GET", "hub/oauth_callback?state=a&code=b", "", ""),
    ("other login", "GET", "hub/saml_login", "", ""),
    ("other callback", "POST", "hub/saml_callback", "", ""),
    ("nested oauth login", "GET", "hub/google/oauth_login", "", ""),
    ("nested oauth callback", "GET", "hub/google/oauth_callback", "", ""),
    ("logout", "GET", "hub/logout", "", ""),
    ("spawn", "GET", "hub/spawn", "", ""),
    ("spawn", "POST", "hub/spawn/", "", ""),
    ("spawn, other methods", "OPTIONS", "hub/spawn", "", ""),
    ("hub", "GET", "hub", "", ""),
    ("hub", "GET", "hub/", "", ""),
    ("home", "GET", "hub/home", "", ""),
    ("token page", "GET", "hub/token", "", ""),
    ("admin", "GET", "hub/admin", "", ""),
    ("user redirect", "GET", "hub/user-redirect/lab/tree/a%2Fb?x=1", "", ""),
    ("accept share", "GET", "hub/accept-share?code=1", "", ""),
    ("accept share", "POST", "hub/accept-share?code=1&next=~user%2Fada%2Fgpu%2F", "ada", ""),
    ("static", "GET", "hub/static/css//style.min.css?v=1", "", ""),
    ("logo", "GET", "hub/logo", "", ""),
    ("favicon", "GET", "favicon.ico", "", ""),
    ("root favicon", "GET", "/favicon.ico", "", ""),
    ("error page", "GET", "hub/error/503", "", ""),
    ("csp report", "POST", "hub/security/csp-report", "", ""),
    ("metrics", "GET", "hub/metrics", "", ""),
    ("health", "GET", "hub/health", "", ""),
    ("proxy health", "GET", "/_chp_healthz", "", ""),
    ("choose hub", "GET", "_hubrouter/hub/hub-b", "", "hub-b"),
    ("clear choice", "GET", "_hubrouter/hub/", "", ""),
    ("clear cookies", "POST", "_hubrouter/clear-cookies", "", ""),
    ("rescue", "POST", "_hubrouter/rescue", "", ""),
    ("router", "GET", "_hubrouter/rescue", "", ""),
    ("router", "GET", "_hubrouter/elsewhere", "", ""),
    ("root router", "GET", "/_hubrouter/hub/hub-b", "", ""),
    ("hub other", "GET", "hub/change-password", "", ""),
    ("root", "GET", "", "", ""),
    ("other", "GET", "user/", "", ""),
    ("other", "GET", "services", "", ""),
    ("other", "GET", "nobody/knows/this", "", ""),
    ("outside", "GET", "/elsewhere/user/ada", "", ""),
];

fn check(base: &str, case: &(&str, &str, &str, &str, &str), target: &str) {
    let (row, method, _, owner, other) = *case;
    let place = ask(&site(base), method, target).unwrap_or_else(|bad| panic!("{method} {target}: {bad}"));
    assert_eq!(place.row.name, row, "{method} {target}");
    assert_eq!(place.owner.as_ref().map_or("", |owner| owner.as_str()), owner, "{method} {target}");
    let token = place.token.map(|token| token.expose().clone());
    let others = [place.server, place.service, place.chosen, token].into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(others.join("+"), other, "{method} {target}");
}

#[test]
fn every_row_has_a_case_and_a_name_of_its_own() {
    let rows: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
    let cases: BTreeSet<&str> = CASES.iter().map(|case| case.0).collect();

    assert_eq!(rows.len(), TABLE.len(), "two rows share a name");
    assert_eq!(rows, cases);
}

#[test]
fn every_address_meets_its_row_below_a_base_path() {
    for case in CASES {
        let target = case.2.replace('~', "%2Fjhub%2F");
        let target = if target.starts_with('/') { target } else { format!("/jhub/{target}") };
        check("/jhub/", case, &target);
    }
}

#[test]
fn every_address_meets_its_row_on_a_site_without_a_base_path() {
    for case in CASES.iter().filter(|case| !case.2.starts_with('/') || case.0 == "proxy health") {
        let target = format!("/{}", case.2.trim_start_matches('/')).replace('~', "%2F");
        check("/", case, &target);
    }
}

#[test]
fn every_address_meets_its_row_when_each_letter_is_encoded() {
    for case in CASES.iter().filter(|case| !case.2.contains(['%', '?'])) {
        let path = if case.2.starts_with('/') { case.2.to_owned() } else { format!("/jhub/{}", case.2) };
        let encode = |byte: u8| if byte == b'/' { "/".to_owned() } else { format!("%{byte:02x}") };
        let encoded: String = path.bytes().map(encode).collect();
        // A page's name decides there only as it stands: such a path is a page of that server in any case.
        if case.2 != "user/ada/files/logout" {
            check("/jhub/", case, &encoded);
        }
    }
}

#[test]
fn the_base_path_itself_is_the_root_with_and_without_its_slash() {
    for target in ["/jhub", "/jhub/", "/%6ahub"] {
        assert_eq!(ask(&site("/jhub/"), "GET", target).unwrap().row.name, "root", "{target}");
    }
    assert_eq!(ask(&site("/jhub/"), "GET", "/").unwrap().row.name, "outside");
    assert_eq!(ask(&site("/a/b/"), "GET", "/a/b/user/ada/").unwrap().row.name, "user");
    assert_eq!(ask(&site("/a/b/"), "GET", "/a").unwrap().row.name, "outside");
}

#[test]
fn a_row_for_some_methods_is_followed_by_one_for_the_others() {
    for (at, row) in TABLE.iter().enumerate().filter(|(_, row)| !row.methods.is_empty()) {
        let target = format!("/{}", row.pattern.replace(['<', '>'], ""));
        let place = ask(&site("/"), "OPTIONS", &target).unwrap();
        let rest = TABLE.iter().position(|other| other.name == place.row.name).unwrap();
        assert!(rest > at && place.row.by == row.by, "{}", row.name);
    }
}

#[test]
fn refused_rows_say_why_and_are_never_forwarded() {
    let refused = |row: &str| matches!(get(row).unwrap().row.by, By::Refused(text) if text.len() > 40);
    for path in
        ["/hub/metrics", "/hub/api/info", "/hub/api/proxy/", "/hub/api/%73hutdown/", "/hub/api/shutdown/x"]
    {
        assert!(refused(path), "{path}");
    }
}

#[test]
fn what_can_start_a_server_is_a_start_and_nothing_else_is() {
    let start = |method: &str, path: &str| {
        let place = ask(&site("/"), method, path).unwrap();
        place.row.is_start(&method.parse().unwrap())
    };
    for (method, path) in [
        ("GET", "/hub/spawn"),
        ("POST", "/hub/spawn"),
        ("GET", "/hub/spawn/ada"),
        ("POST", "/hub/spawn/ada/gpu"),
        ("POST", "/hub/api/users/ada/server"),
        ("POST", "/hub/api/users/ada/servers/gpu"),
        ("POST", "/hub/api/users/ada/servers/"),
    ] {
        assert!(start(method, path), "{method} {path}");
    }
    for (method, path) in [
        ("OPTIONS", "/hub/spawn"),
        ("GET", "/hub/spawn-pending/ada"),
        ("DELETE", "/hub/api/users/ada/server"),
        ("GET", "/hub/api/users/ada/servers/gpu"),
        ("POST", "/hub/api/users/ada"),
        ("GET", "/user/ada/lab"),
    ] {
        assert!(!start(method, path), "{method} {path}");
    }
}

#[test]
fn what_must_not_be_sent_twice_is_known_by_row_and_method() {
    let once = |method: &str, path: &str| {
        ask(&site("/"), method, path).unwrap().row.never_twice(&method.parse().unwrap())
    };
    for (method, path) in [
        ("POST", "/user/ada/api/kernels"),
        ("PATCH", "/user/ada/api/contents/x"),
        ("GET", "/user/ada/oauth_callback"),
        ("GET", "/user/ada/logout"),
        ("GET", "/hub/spawn"),
        ("GET", "/hub/login"),
        ("GET", "/hub/oauth_login"),
        ("GET", "/hub/oauth_callback"),
        ("GET", "/hub/logout"),
        ("GET", "/hub/api/oauth2/authorize"),
        ("POST", "/hub/api/oauth2/token"),
    ] {
        assert!(once(method, path), "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/user/ada/lab"),
        ("PUT", "/user/ada/api/contents/x"),
        ("DELETE", "/hub/api/users/ada/server"),
        ("GET", "/hub/home"),
        ("GET", "/hub/spawn-pending/ada"),
        ("GET", "/hub/static/x.js"),
    ] {
        assert!(!once(method, path), "{method} {path}");
    }
}

#[test]
fn pages_and_the_api_are_told_apart() {
    for (path, page, api, token) in [
        ("/hub/home", true, false, false),
        ("/hub/login", true, false, false),
        ("/hub/api/oauth2/authorize", true, false, false),
        ("/hub/api/user", false, true, true),
        ("/hub/api/users/ada", false, true, true),
        ("/hub/api/proxy", false, true, false),
        ("/hub/api", false, true, true),
        ("/hub/api/authorizations/token/abc", false, true, true),
        ("/hub/api/oauth2/token", false, true, false),
        ("/hub/static/x.js", false, false, false),
        ("/hub/health", false, false, false),
        ("/user/ada/lab", false, false, false),
    ] {
        let row = get(path).unwrap().row;
        assert_eq!((row.is_page(), row.is_api(), row.takes_token()), (page, api, token), "{path}");
    }
}

#[test]
fn planes_follow_the_hubs_proxy() {
    assert_eq!(get("/user/ada/lab").unwrap().row.plane, Plane::User);
    assert_eq!(get("/services/grader/").unwrap().row.plane, Plane::Service);
    assert_eq!(get("/anything").unwrap().row.plane, Plane::Hub);
    assert_eq!(get("/_hubrouter/status").unwrap().row.plane, Plane::Router);
    assert_eq!(get("/_chp_healthz").unwrap().row.act, Act::Health);
    assert!(TABLE[0].takes(&Method::GET));
}
