//! What a wrong configuration is told: all at once, where, and what to do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which end a test by it")]

use hubrouter_config::{FixedSources, Loaded, Problem, Problems, Reading, Sources, parse, parse_judged};

const HUBS: &str = "hubs: [{id: hub-a, url: 'http://127.0.0.1:8001'}]\n";
const KEY: &str = "0123456789abcdef0123456789abcdef";

fn world() -> FixedSources {
    let mut world = FixedSources::default();
    world.env.insert("SET".to_owned(), "hush-hush".to_owned());
    world.env.insert("KEY".to_owned(), KEY.to_owned());
    world.env.insert("EMPTY".to_owned(), String::new());
    world.env.insert("TWO_LINES".to_owned(), "hush\nhush".to_owned());
    world.files.insert("conf/secrets/token".into(), b"hush-hush\n".to_vec());
    world.files.insert("conf/short.key".into(), b"hush".to_vec());
    world
}

fn read(text: &str) -> Result<Loaded, Problems> {
    parse(text, "conf/hubrouter.yaml", &world())
}

fn problems(text: &str) -> Vec<Problem> {
    match read(text) {
        Ok(loaded) => panic!("accepted: {:?}", loaded.config),
        Err(problems) => problems.into_vec(),
    }
}

/// The one problem of a configuration that is otherwise right.
fn problem(text: &str) -> Problem {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{text}\n{problems:#?}");
    problems.into_iter().next().unwrap()
}

fn with_hubs(text: &str) -> String {
    format!("{HUBS}{text}")
}

#[test]
fn five_mistakes_are_five_problems_each_with_its_place_and_a_hint() {
    let text = "\
site:
  hsts: soon
workers: many
hubs:
  - id: hub-a
    url: http://127.0.0.1:8001
    wieght: 2
  - id: hub-a
    url: http://127.0.0.1:8002
  - id: hub-c
";
    let problems = problems(text);

    let short: Vec<_> = problems
        .iter()
        .map(|p| (p.line, p.column, p.key.as_str(), p.message.as_str(), p.hint.as_str()))
        .collect();
    assert_eq!(
        short,
        [
            (
                2,
                9,
                "site.hsts",
                "`soon` is not a duration",
                "write a whole number and ms, s, m, h or d, for example 250ms, 5s, 10m, 14d"
            ),
            (
                3,
                10,
                "workers",
                "expected a whole number from 0 to 1024, found a text",
                "write a whole number from 0 to 1024"
            ),
            (7, 5, "hubs[0].wieght", "unknown key `wieght`", "did you mean `weight`?"),
            (8, 9, "hubs[1].id", "the id `hub-a` is taken by hubs[0]", "give every hub an id of its own"),
            (
                10,
                5,
                "hubs[2].url",
                "`url` is missing",
                "write scheme, host and port, for example http://hub-a:8000"
            ),
        ]
    );
    assert!(problems.iter().all(|problem| problem.file == "conf/hubrouter.yaml"));
}

#[test]
fn problems_print_as_one_line_each() {
    let refused = read(&with_hubs("workers: -1\nhealth: {fall: 0}\n")).unwrap_err();
    let printed = refused.to_string();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        "conf/hubrouter.yaml:2:10: workers: expected a whole number from 0 to 1024, found -1. write a whole number from 0 to 1024"
    );
}

#[test]
fn problems_serialize_with_stable_names() {
    let refused = read("hubs: []").unwrap_err();
    let json = serde_json::to_value(&refused).unwrap();
    let names: Vec<&String> = json[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["file", "line", "column", "key", "message", "hint"]);
}

#[test]
fn broken_yaml_is_a_problem_with_a_place() {
    let broken = problem("hubs:\n  - {id: hub-a, url: 'http://a'\nworkers: 1\n");
    assert!(broken.line >= 2 && broken.message.starts_with("not YAML"), "{broken}");
}

#[test]
fn an_empty_file_and_a_file_that_is_no_map_say_how_to_begin() {
    assert!(problem("").hint.contains("hubs:"));
    assert!(problem("just words").message.contains("expected a map"));
    assert_eq!(problem("workers: 1").key, "hubs");
}

#[test]
fn a_key_that_stands_twice_is_refused_with_both_lines() {
    let twice = problem(&with_hubs("workers: 1\nworkers: 2\n"));
    assert_eq!((twice.line, twice.key.as_str()), (3, "workers"));
    assert!(twice.hint.contains("line 2"), "{twice}");
}

#[test]
fn what_is_not_supported_is_refused_in_clear_words() {
    for (text, words) in [
        (with_hubs("subdomain_host: https://x"), "subdomain mode is not supported"),
        (with_hubs("site: {subdomain_host: x}"), "subdomain mode is not supported"),
        (
            "hubs: [{id: a, url: 'http://a', base_url: /a/}]".to_owned(),
            "different base_url are not supported",
        ),
        ("hubs: [{id: a, url: 'http://a/jhub/'}]".to_owned(), "different base_url are not supported"),
    ] {
        let problem = problem(&text).to_string();
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn a_secret_in_plain_text_is_refused_and_not_repeated() {
    for text in [
        "hubs: [{id: a, url: 'http://a', api_token: hush-hush}]".to_owned(),
        "hubs: [{id: a, url: 'http://a', api_token: {env: hush-hush}}]".to_owned(),
        "hubs: [{id: a, url: 'http://a', api_token: [hush-hush]}]".to_owned(),
        "hubs: [{id: a, url: 'http://a', proxy_api: {url: 'http://a:1', token: hush-hush}}]".to_owned(),
        "hubs: [{id: a, url: 'http://user:hush-hush@a'}]".to_owned(),
        with_hubs("admin: {tokens: [{role: admin, token: hush-hush}]}"),
        with_hubs("session: {keys: [hush-hush]}"),
        with_hubs("session: {keys: hush-hush}"),
        with_hubs("session: {keys: [{env: SET}]}"),
        with_hubs(
            "placement: {seed: s}\nsession: {keys: [{env: KEY}]}\ndirectory: {kind: redis, url: 'redis://u:hush-hush@r'}",
        ),
        with_hubs(
            "placement: {seed: s}\nsession: {keys: [{env: KEY}]}\ndirectory: {kind: redis, url: 'redis://r', password: hush-hush}",
        ),
    ] {
        let problem = problem(&text);
        assert!(!format!("{problem:?}{problem}").contains("hush"), "{problem}");
        assert!(!problem.hint.is_empty());
    }
}

#[test]
fn a_loaded_configuration_shows_no_secret() {
    let text = "\
hubs: [{id: a, url: 'http://a', api_token: {env: SET}, proxy_api: {url: 'http://a:1', token: {file: secrets/token}}}]
placement: {seed: hush}
session: {keys: [{env: KEY}]}
";
    let loaded = read(text).unwrap();
    assert_eq!(loaded.config.hubs[0].api_token.as_ref().unwrap().expose(), "hush-hush");
    assert_eq!(loaded.config.hubs[0].proxy_api.as_ref().unwrap().token.expose(), "hush-hush");

    let shown = format!("{loaded:?}{}", serde_json::to_string(&loaded.config).unwrap());
    assert!(!shown.contains("hush") && !shown.contains(KEY), "{shown}");
}

#[test]
fn a_secret_that_is_not_there_says_which() {
    let hub = |token: &str| problem(&format!("hubs: [{{id: a, url: 'http://a', api_token: {token}}}]"));
    assert!(hub("{env: MISSING}").message.contains("MISSING is not set"));
    assert!(hub("{env: EMPTY}").message.contains("empty"));
    assert!(hub("{env: TWO_LINES}").message.contains("spaces, line ends"));
    assert!(hub("{file: nowhere}").message.contains("conf/nowhere"));
    assert!(hub("{}").message.contains("either env or file"));
    assert!(hub("{env: SET, file: secrets/token}").message.contains("either env or file"));
    assert_eq!(hub("{evn: SET}").hint, "did you mean `env`?");
    assert!(problem(&with_hubs("session: {keys: [{file: short.key}]}")).message.contains("4 bytes"));
}

#[test]
fn a_file_that_could_not_be_read_is_watched_all_the_same() {
    let refused = read("hubs: [{id: a, url: 'http://a', api_token: {file: later}}]").unwrap_err();
    assert_eq!(refused.files(), [std::path::Path::new("conf/later")]);
}

#[test]
fn link_local_addresses_need_a_permission() {
    for url in [
        "http://169.254.169.254",
        "http://[fe80::1]:80",
        "http://[fd00:ec2::254]",
        "http://metadata.google.internal",
    ] {
        let refused = problem(&format!("hubs: [{{id: a, url: '{url}'}}]"));
        assert_eq!(refused.key, "hubs[0].url");
        assert!(refused.hint.contains("allow_link_local: true"), "{refused}");
        assert!(read(&format!("hubs: [{{id: a, url: '{url}', allow_link_local: true}}]")).is_ok());
    }
    assert_eq!(
        problem("hubs: [{id: a, url: 'http://a', hub_url: 'http://169.254.1.1'}]").key,
        "hubs[0].hub_url"
    );
}

#[test]
fn every_rule_between_keys_names_the_key_that_breaks_it() {
    let redis = "directory: {kind: redis, url: 'redis://r:6379'}\n";
    for (text, key) in [
        ("services: {docs: hub-b}".to_owned(), "services.docs"),
        ("site: {adopt_sessions_of: hub-b}".to_owned(), "site.adopt_sessions_of"),
        ("site: {base_url: jhub}".to_owned(), "site.base_url"),
        ("site: {base_url: /jhub}".to_owned(), "site.base_url"),
        ("site: {public_url: 'https://x/jhub/'}".to_owned(), "site.public_url"),
        ("site: {public_url: 'ftp://x'}".to_owned(), "site.public_url"),
        ("site: {public_url: 'http://x', hsts: 1d}".to_owned(), "site.hsts"),
        ("site: {trusted_proxies: [somewhere]}".to_owned(), "site.trusted_proxies[0]"),
        ("site: {identity_headers: [remote_user]}".to_owned(), "site.identity_headers[0]"),
        ("site: {identity_headers: [Cookie]}".to_owned(), "site.identity_headers[0]"),
        ("site: {jar_cookies: [__Host-hubrouter]}".to_owned(), "site.jar_cookies[0]"),
        ("listen: []".to_owned(), "listen"),
        ("listen: [{address: '127.0.0.1:1'}, {address: '127.0.0.1:1'}]".to_owned(), "listen[1].address"),
        ("listen: [{address: '127.0.0.1:9901'}]".to_owned(), "admin.address"),
        (
            "listen: [{address: '127.0.0.1:1', redirect_to_https: true}]".to_owned(),
            "listen[0].redirect_to_https",
        ),
        ("listen: [{address: '127.0.0.1:1', proxy_protocol: true}]".to_owned(), "listen[0].proxy_protocol"),
        ("listen: [{address: localhost:80}]".to_owned(), "listen[0].address"),
        ("admin: {address: '0.0.0.0:9901'}".to_owned(), "admin.address"),
        ("admin: {metrics: token}".to_owned(), "admin.metrics"),
        (format!("{redis}placement: {{seed: s}}"), "session.keys"),
        (format!("{redis}session: {{keys: [{{env: KEY}}]}}"), "placement.seed"),
        ("directory: {url: 'redis://r'}".to_owned(), "directory.url"),
        ("directory: {kind: memroy, file: x}".to_owned(), "directory.kind"),
        ("health: {timeout: 6s}".to_owned(), "health.timeout"),
        ("health: {fall: 0}".to_owned(), "health.fall"),
        ("health: {rise: 0}".to_owned(), "health.rise"),
        ("health: {hub_path: hub/health}".to_owned(), "health.hub_path"),
        ("census: {max_age: 60s}".to_owned(), "census.max_age"),
        ("failover: {after: 180s}".to_owned(), "failover.dead_after"),
        ("failover: {hold: 0s}".to_owned(), "failover.hold"),
        ("placement: {load_bound: 1}".to_owned(), "placement.load_bound"),
        ("placement: {load_bound: -1}".to_owned(), "placement.load_bound"),
        ("placement: {load_bound: .nan}".to_owned(), "placement.load_bound"),
        ("session: {lifetime: 14}".to_owned(), "session.lifetime"),
        ("limits: {uri_bytes: 64KiB}".to_owned(), "limits.uri_bytes"),
        ("limits: {connections: 5, connections_per_client: 6}".to_owned(), "limits.connections_per_client"),
        ("telemetry: {otlp: {sample: 0.5}}".to_owned(), "telemetry.otlp.endpoint"),
        ("telemetry: {otlp: {endpoint: 'http://x', sample: 2}}".to_owned(), "telemetry.otlp.sample"),
        ("telemetry: {access_log: yes}".to_owned(), "telemetry.access_log"),
        ("telemetry: {log: {level: loud}}".to_owned(), "telemetry.log.level"),
    ] {
        let problem = problem(&with_hubs(&text));
        assert_eq!(problem.key, key, "{problem}");
        assert!(!problem.hint.is_empty() && problem.line > 0, "{problem}");
    }
}

#[test]
fn every_rule_of_a_hub_names_the_key_that_breaks_it() {
    for (keys, key) in [
        ("weight: 0", "weight"),
        ("weight: 1001", "weight"),
        ("weight: heavy", "weight"),
        ("tier: stand-by", "tier"),
        ("intent: drained", "intent"),
        ("storage: nfs", "storage"),
        ("storage_pool: a pool", "storage_pool"),
        ("hub_url: 'http://h/hub/'", "hub_url"),
        ("tls: {server_name: x}", "tls"),
        ("proxy_api: {url: 'http://a:1'}", "proxy_api.token"),
    ] {
        assert_eq!(
            problem(&format!("hubs: [{{id: a, url: 'http://a', {keys}}}]")).key,
            format!("hubs[0].{key}")
        );
    }
    for id in ["Hub", "home", "a_b", ""] {
        assert_eq!(problem(&format!("hubs: [{{id: '{id}', url: 'http://a'}}]")).key, "hubs[0].id", "{id}");
    }
}

#[test]
fn one_mistake_is_not_told_twice() {
    // The id, the timeouts and the tokens are wrong; what refers to them is not judged.
    let text = "\
hubs: [{id: HUB, url: 'http://a'}]
services: {docs: hub}
failover: {after: soon}
admin: {address: '0.0.0.0:1', tokens: [{role: admin, token: {env: MISSING}}]}
";
    let keys: Vec<String> = problems(text).into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["hubs[0].id", "failover.after", "admin.tokens[0].token.env"]);
}

#[test]
fn a_base_url_may_be_repeated_in_the_public_url() {
    assert!(read(&with_hubs("site: {base_url: /jhub/, public_url: 'https://x.org/jhub'}")).is_ok());
}

#[test]
fn numbers_are_not_repaired() {
    for text in [
        "workers: '4'",
        "workers: 1.0",
        "workers: 0x4",
        "workers: 1e1",
        "workers: +4",
        "workers: 99999999999999999999",
    ] {
        assert_eq!(problem(&with_hubs(text)).key, "workers", "{text}");
    }
}

#[test]
fn warnings_come_with_their_place() {
    let warned = |text: &str| {
        let loaded = read(text).unwrap_or_else(|problems| panic!("{problems}"));
        loaded.warnings.into_iter().map(|warning| (warning.line, warning.key)).collect::<Vec<_>>()
    };
    let hubs = "\
hubs:
  - {id: a, url: 'http://a', storage: shared}
  - {id: b, url: 'http://a', storage: shared, storage_pool: other}
  - {id: c, url: 'http://c', tier: standby}
timeouts: {hub_idle: 5s}
failover: {after: 300s, dead_after: 400s}
site: {identity_headers: [Remote-User]}
";
    let warnings = warned(hubs);
    for warning in [
        (2, "hubs[0].storage_pool"),
        (3, "hubs[1].storage_pool"),
        (3, "hubs[1].url"),
        (4, "hubs[2].storage"),
        (5, "timeouts.hub_idle"),
        (6, "failover.after"),
        (7, "site.identity_headers"),
        (1, "session.keys"),
    ] {
        assert!(warnings.contains(&(warning.0, warning.1.to_owned())), "{warning:?} {warnings:?}");
    }
}

#[test]
fn it_is_told_which_hubs_nobody_can_leave_and_which_standby_nobody_may_move_to() {
    let told = |hubs: &str| {
        let loaded = read(&format!("hubs:\n{hubs}")).unwrap_or_else(|problems| panic!("{problems}"));
        let about = |text: &str| text.starts_with("nobody");
        let told = loaded.warnings.into_iter().filter(|warning| about(&warning.message));
        told.map(|warning| warning.message).collect::<Vec<_>>()
    };
    let active = "  - {id: a, url: 'http://a', storage: shared}\n";
    let standby = "  - {id: s, url: 'http://s', storage: shared, tier: standby}\n";
    let another = "  - {id: t, url: 'http://t', storage: shared, tier: standby, storage_pool: other}\n";
    let third = "  - {id: u, url: 'http://u', storage: shared, tier: standby, storage_pool: other}\n";
    let local = "  - {id: l, url: 'http://l'}\n";

    assert_eq!(told(&format!("{active}{standby}")), Vec::<String>::new());
    let left = told(&format!("{active}{standby}{local}"));
    assert_eq!(left, ["nobody can leave hub `l`: when it is down its users wait"]);
    let standbys = told(&format!("{active}{standby}{another}{third}"));
    assert_eq!(standbys, ["nobody may move to the standby `t`", "nobody may move to the standby `u`"]);
    assert_eq!(told(&format!("{another}{third}")), Vec::<String>::new(), "nothing but standbys");
}

#[test]
fn it_is_told_what_a_hub_without_a_token_costs_and_a_rescue_that_nobody_can_be_offered() {
    let told = |text: &str, key: &str| {
        let loaded = read(text).unwrap_or_else(|problems| panic!("{problems}"));
        loaded.warnings.into_iter().find(|warning| warning.key == key).map(|warning| warning.message)
    };
    let hubs =
        |keys: &str| format!("hubs: [{{id: a, url: 'http://a'{keys}}}]\nfailover: {{self_rescue: true}}\n");
    let bare = told(&hubs(""), "hubs[0].api_token").unwrap();
    assert!(["drain", "failover", "weights"].iter().all(|word| bare.contains(word)), "{bare}");
    assert_eq!(told(&hubs(", api_token: {env: SET}"), "hubs[0].api_token"), None);

    assert!(told(&hubs(""), "failover.self_rescue").is_some());
    assert_eq!(told(&hubs(", storage: shared"), "failover.self_rescue"), None);
    assert_eq!(told("hubs: [{id: a, url: 'http://a'}]\n", "failover.self_rescue"), None);
}

#[test]
fn the_router_can_point_at_a_key_that_it_does_not_serve() {
    let loaded = read(&with_hubs("listen:\n  - address: 127.0.0.1:1\n    h2c: true\n")).unwrap();

    let served_later = loaded.problem_at("listen[0].h2c", "h2c is not in this release", "remove it");
    assert_eq!((served_later.line, served_later.column), (4, 10));
    let absent = loaded.problem_at("listen[0].tls.certificates", "x", "y");
    assert_eq!((absent.line, absent.key.as_str()), (3, "listen[0].tls.certificates"));
}

#[test]
fn a_required_key_that_is_misspelt_is_one_problem() {
    for (text, key, meant) in [
        ("listen: [{adress: '127.0.0.1:1'}]\n", "listen[0].adress", "address"),
        ("hubs: [{id: a, ulr: 'http://a'}]", "hubs[0].ulr", "url"),
        ("hbus: [{id: a, url: 'http://a'}]", "hbus", "hubs"),
    ] {
        let text = if text.starts_with("listen") { with_hubs(text) } else { text.to_owned() };
        let problem = problem(&text);
        assert_eq!((problem.key.as_str(), problem.hint), (key, format!("did you mean `{meant}`?")));
    }
}

#[test]
fn a_required_key_is_missing_beside_a_key_that_means_another() {
    let keys: Vec<String> =
        problems("hubs: [{url: 'http://a', wieght: 2}]").into_iter().map(|p| p.key).collect();
    assert_eq!(keys, ["hubs[0].id", "hubs[0].wieght"]);
}

/// Has something against every address, whatever else is wrong with the file.
fn no_addresses(reading: &Reading<'_>) {
    for at in 0..reading.count("listen") {
        let key = format!("listen[{at}].address");
        if reading.has(&key) {
            reading.problem(&key, format!("{:?} is an address", reading.text(&key)), "leave it out");
        }
    }
    for key in reading.keys("timeouts") {
        reading.warn(&format!("timeouts.{key}"), "has no effect", "leave it out");
    }
}

#[test]
fn another_judge_finds_what_it_has_against_a_file_together_with_all_else() {
    let text =
        with_hubs("workers: many\nlisten: [{tls: 1}, {address: nowhere}]\ntimeouts: {connect: soon}\n");
    let refused = parse_judged(&text, "t.yaml", &world(), &no_addresses).unwrap_err();
    let keys: Vec<&str> = refused.as_slice().iter().map(|problem| problem.key.as_str()).collect();
    for key in ["workers", "listen[0].address", "listen[1].address", "timeouts.connect"] {
        assert!(keys.contains(&key), "{key}: {keys:?}");
    }
    assert!(refused.to_string().contains("listen[1].address: Some(\"nowhere\") is an address"), "{refused}");
}

#[test]
fn another_judge_warns_where_a_key_stands() {
    let text = with_hubs("timeouts:\n  connect: 1s\n");
    let loaded = parse_judged(&text, "t.yaml", &world(), &no_addresses).unwrap();
    let warnings = loaded.warnings.iter().map(|warning| (warning.line, warning.key.as_str()));
    assert!(warnings.collect::<Vec<_>>().contains(&(3, "timeouts.connect")));
}

/// A world without secrets, in which something stands in for all but the seed.
struct Elsewhere;

impl Sources for Elsewhere {
    fn env(&self, name: &str) -> Option<String> {
        (name == "EMPTY").then(String::new)
    }

    fn read(&self, _: &std::path::Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn stand_in(&self, key: &str) -> Option<Vec<u8>> {
        (!key.starts_with("placement.seed")).then(|| KEY.into())
    }
}

#[test]
fn sources_may_have_something_in_place_of_a_secret_that_cannot_be_had() {
    let text = "hubs: [{id: a, url: 'http://a', api_token: {env: MISSING}}, {id: b, url: 'http://b', api_token: {env: EMPTY}}]\n\
        session: {keys: [{file: nowhere}]}\n";
    let loaded = parse(text, "t.yaml", &Elsewhere).unwrap();
    assert_eq!(loaded.config.hubs[0].api_token.as_ref().unwrap().expose(), KEY);
    assert_eq!(loaded.config.hubs[1].api_token.as_ref().unwrap().expose(), KEY);

    let refused =
        parse(&format!("{text}placement: {{seed: {{env: MISSING}}}}\n"), "t.yaml", &Elsewhere).unwrap_err();
    assert_eq!(refused.as_slice().len(), 1);
    assert_eq!(refused.as_slice()[0].key, "placement.seed.env");
}
