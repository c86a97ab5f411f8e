//! Every row of the routing table by what decides it: owner, visitor, login, callback, token, service, any.

use http::Method;
use hubrouter_hub_adapter::address::{Place, classify};
use hubrouter_hub_adapter::destination::Dest;
use hubrouter_hub_adapter::names::UserName;

use super::*;
use crate::core::facts::{Asked, RequestFacts};
use crate::core::login::{LoginMark, Strength};
use crate::core::sketch_tests::{index, snapshot, user_at};

const A: HubIndex = HubIndex(0);
const B: HubIndex = HubIndex(1);

/// Two hubs with a user each, and a service on the second.
struct Table {
    snapshot: Snapshot,
    ann: UserName,
    bob: UserName,
}

fn table() -> Table {
    table_of("a, b")
}

fn table_of(hubs: &str) -> Table {
    let up =
        snapshot(&hubs.replace(": down", "").replace(": proxy-down", "").replace(": maintenance", ""), "{}");
    let (ann, bob) = (user_at(&up, "a", 0), user_at(&up, "b", 0));
    Table { snapshot: snapshot(hubs, "{x: b}"), ann, bob }
}

impl Table {
    fn place(&self, method: &Method, target: &str) -> Place {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        classify(&self.snapshot.site, method, path, query).expect("a good address")
    }

    fn decide(&self, target: &str, change: impl FnOnce(&mut RequestFacts<'_>)) -> Decision {
        self.decide_as(&Method::GET, target, change)
    }

    fn decide_as(
        &self,
        method: &Method,
        target: &str,
        change: impl FnOnce(&mut RequestFacts<'_>),
    ) -> Decision {
        let place = self.place(method, target);
        let mut facts = RequestFacts {
            place: &place,
            start: place.row.is_start(method),
            navigation: true,
            session: None,
            chosen: None,
            login: None,
            jars: Vec::new(),
            next: Dest::Nobody,
            form_user: None,
            flow: None,
            referer: Dest::Nobody,
            token: Asked::Nothing,
            jar_user: Asked::Nothing,
            spread: 0,
        };
        change(&mut facts);
        route(&self.snapshot, &facts)
    }
}

fn to(hub: HubIndex, why: Why) -> Decision {
    Decision::Forward { hub, why }
}

fn mark(hub: &str, strength: Strength) -> Option<LoginMark> {
    Some(LoginMark { hub: hub.parse().unwrap(), strength, rounds: 0 })
}

/// A start of a known user goes to the owner hub as any request does, as far as the address is concerned.
fn sent(decision: Decision) -> Decision {
    match decision {
        Decision::Start(Start { hub, why, .. }) => Decision::Forward { hub, why },
        other => other,
    }
}

#[test]
fn the_owner_in_the_path_comes_before_the_visitor() {
    let table = table();
    for target in
        ["/user/{}/lab", "/hub/user/{}/lab", "/hub/spawn/{}", "/hub/api/users/{}", "/hub/api/shares/{}"]
    {
        let target = target.replace("{}", table.bob.as_ref());
        let decision = table.decide(&target, |facts| {
            facts.session = Some(table.ann.clone());
            facts.chosen = Some(A);
        });
        assert_eq!(sent(decision), to(B, Why::Owner), "{target}");
    }
}

#[test]
fn the_oauth_hop_goes_to_the_owner_of_the_server_or_to_the_service() {
    let table = table();
    let hop = format!("/hub/api/oauth2/authorize?client_id=jupyterhub-user-{}", table.bob);
    assert_eq!(table.decide(&hop, |facts| facts.session = Some(table.ann.clone())), to(B, Why::OAuthClient));
    let hop = "/hub/api/oauth2/authorize?client_id=service-x";
    assert_eq!(table.decide(hop, |facts| facts.session = Some(table.ann.clone())), to(B, Why::Service));
}

#[test]
fn what_names_nobody_goes_where_the_session_says() {
    let table = table();
    for target in ["/hub/home", "/hub/spawn", "/hub/token", "/hub/admin", "/hub/user-redirect/lab", "/hub/"] {
        let decision = table.decide(target, |facts| facts.session = Some(table.bob.clone()));
        assert_eq!(sent(decision), to(B, Why::Session), "{target}");
    }
}

#[test]
fn a_browser_with_a_login_and_no_session_is_asked_about_once() {
    let table = table();
    let ask = table.decide("/hub/home", |facts| (facts.jars, facts.jar_user) = (vec![A, B], Asked::NotYet));
    assert_eq!(ask, Decision::Ask(Question::WhoseBrowser(vec![A, B])));
    let known = table.decide("/hub/home", |facts| {
        (facts.jars, facts.jar_user) = (vec![A], Asked::Answer(Some(table.bob.clone())));
    });
    assert_eq!(known, to(B, Why::Jar));
    let script = table.decide("/hub/api/user", |facts| {
        (facts.jars, facts.jar_user, facts.navigation) = (vec![B], Asked::NotYet, false);
    });
    assert_eq!(script, to(B, Why::Jar));
}

#[test]
fn a_login_happens_in_this_order_strong_next_chosen_form_session_jar_weak_any() {
    let table = table();
    let all = |facts: &mut RequestFacts<'_>| {
        facts.login = mark("b", Strength::Strong);
        facts.next = Dest::Owner(table.ann.clone());
        facts.chosen = Some(B);
        facts.form_user = Some(table.ann.clone());
        facts.session = Some(table.bob.clone());
        facts.jars = vec![A];
    };
    let without = |remove: &dyn Fn(&mut RequestFacts<'_>)| {
        table.decide_as(&Method::POST, "/hub/login", |facts| {
            all(facts);
            remove(facts);
        })
    };
    assert_eq!(without(&|_| ()), to(B, Why::StrongLogin));
    assert_eq!(without(&|facts| facts.login = None), to(A, Why::Next));
    let next = |facts: &mut RequestFacts<'_>| (facts.login, facts.next) = (None, Dest::Nobody);
    assert_eq!(without(&next), to(B, Why::Chosen));
    let chosen = |facts: &mut RequestFacts<'_>| {
        next(facts);
        facts.chosen = None;
    };
    assert_eq!(without(&chosen), to(A, Why::Form));
    let form = |facts: &mut RequestFacts<'_>| {
        chosen(facts);
        facts.form_user = None;
    };
    assert_eq!(without(&form), to(B, Why::Session));
    let session = |facts: &mut RequestFacts<'_>| {
        form(facts);
        facts.session = None;
    };
    assert_eq!(without(&session), to(A, Why::Jar));
    let jar = |facts: &mut RequestFacts<'_>| {
        session(facts);
        facts.jars = Vec::new();
        facts.login = mark("b", Strength::Weak);
    };
    assert_eq!(without(&jar), to(B, Why::WeakLogin));
    let weak = |facts: &mut RequestFacts<'_>| {
        jar(facts);
        facts.login = None;
        facts.spread = 3;
    };
    assert_eq!(without(&weak), to(B, Why::Any));
}

#[test]
fn a_login_that_was_sent_to_a_dead_hub_begins_anew_elsewhere() {
    let table = table_of("a, b: down");
    let decision = table.decide("/hub/login", |facts| facts.login = mark("b", Strength::Strong));
    assert_eq!(decision, to(A, Why::Any));
}

#[test]
fn strangers_are_spread_over_the_active_hubs_that_are_up() {
    let table = table_of("a: down, b, s standby");
    for spread in 0..5 {
        assert_eq!(table.decide("/hub/login", |facts| facts.spread = spread), to(B, Why::Any));
    }
    let table = table_of("a: down, b: down, s standby");
    let standby = index(&table.snapshot, "s");
    assert_eq!(table.decide("/hub/login", |_| ()), to(standby, Why::Any));
}

#[test]
fn an_oauth_login_returns_to_the_hub_that_began_it_or_begins_anew() {
    let table = table();
    let callback = "/hub/oauth_callback?state=x&code=y";
    let decision = table.decide(callback, |facts| {
        (facts.flow, facts.session) = (Some(B), Some(table.ann.clone()));
    });
    assert_eq!(decision, to(B, Why::Flow));
    let lost = table.decide(callback, |facts| facts.session = Some(table.ann.clone()));
    assert_eq!(lost, Decision::Own(Own::LoginAnew));
}

#[test]
fn a_token_without_an_owner_goes_to_the_one_hub_that_knows_it() {
    let table = table();
    let with = |token: Asked<Vec<HubIndex>>| table.decide("/hub/api/user", move |facts| facts.token = token);
    assert_eq!(with(Asked::NotYet), Decision::Ask(Question::WhoseToken));
    assert_eq!(with(Asked::Answer(vec![B])), to(B, Why::Token));
    assert_eq!(with(Asked::Answer(vec![])), Decision::Own(Own::TokenUnknown));
    assert_eq!(with(Asked::Answer(vec![A, B])), Decision::Own(Own::TokenOfSeveral(vec![A, B])));
}

#[test]
fn a_whole_collection_with_a_token_needs_a_chosen_hub_and_with_cookies_is_the_sessions() {
    let table = table();
    for (method, target) in
        [(Method::GET, "/hub/api/users"), (Method::POST, "/hub/api/users"), (Method::GET, "/hub/api/groups")]
    {
        let scripted = table.decide_as(&method, target, |facts| facts.token = Asked::NotYet);
        assert_eq!(scripted, Decision::Own(Own::Collection), "{method} {target}");
        let chosen = table.decide_as(&method, target, |facts| {
            (facts.token, facts.chosen) = (Asked::NotYet, Some(B));
        });
        assert_eq!(chosen, to(B, Why::Chosen), "{method} {target}");
        let page = table.decide_as(&method, target, |facts| facts.session = Some(table.bob.clone()));
        assert_eq!(page, to(B, Why::Session), "{method} {target}");
    }
}

#[test]
fn the_chosen_hub_decides_for_what_names_no_owner_and_goes_along_with_a_start() {
    let table = table();
    let at_b = |target: &str| {
        table.decide(target, |facts| (facts.session, facts.chosen) = (Some(table.ann.clone()), Some(B)))
    };
    assert_eq!(at_b("/hub/admin"), to(B, Why::Chosen));
    let start = Start {
        user: table.ann.clone(),
        identity: Identity::Proven,
        chosen: Some(B),
        hub: B,
        why: Why::Chosen,
    };
    assert_eq!(at_b("/hub/spawn"), Decision::Start(start.clone()));
    let own_start = table.decide(&format!("/hub/spawn/{}", table.ann), |facts| {
        (facts.session, facts.chosen) = (Some(table.ann.clone()), Some(B));
    });
    assert_eq!(own_start, Decision::Start(Start { chosen: None, hub: A, why: Why::Owner, ..start }));
}

#[test]
fn a_start_by_a_browser_without_a_session_asks_whose_it_is_before_a_chosen_hub_counts() {
    let table = table();
    let decision = table.decide_as(&Method::POST, "/hub/spawn", |facts| {
        (facts.jars, facts.jar_user, facts.navigation, facts.chosen) =
            (vec![B], Asked::NotYet, false, Some(B));
    });
    assert_eq!(decision, Decision::Ask(Question::WhoseBrowser(vec![B])));
}

#[test]
fn a_start_by_a_browser_that_nobody_could_name_goes_nowhere() {
    let table = table();
    for chosen in [None, Some(B)] {
        for (method, target) in [(Method::GET, "/hub/spawn"), (Method::POST, "/hub/spawn")] {
            let decision = table.decide_as(&method, target, |facts| {
                (facts.jars, facts.jar_user, facts.chosen) = (vec![B], Asked::Answer(None), chosen);
            });
            assert_eq!(decision, Decision::Own(Own::WhoseStart(B)), "{method} {target} {chosen:?}");
        }
    }
    let page =
        table.decide("/hub/home", |facts| (facts.jars, facts.jar_user) = (vec![B], Asked::Answer(None)));
    assert_eq!(page, to(B, Why::Jar));
}

#[test]
fn services_are_served_where_the_configuration_says_or_at_home() {
    let table = table();
    let ann = |facts: &mut RequestFacts<'_>| facts.session = Some(table.ann.clone());
    assert_eq!(table.decide("/services/x/", ann), to(B, Why::Service));
    assert_eq!(table.decide("/services/other/", ann), to(A, Why::Session));
}

#[test]
fn files_of_a_page_come_from_the_hub_of_the_page() {
    let table = table();
    let decision = table.decide("/hub/static/css/style.css", |facts| {
        (facts.session, facts.referer) = (Some(table.ann.clone()), Dest::Owner(table.bob.clone()));
    });
    assert_eq!(decision, to(B, Why::Referer));
    let own = table.decide("/hub/static/css/style.css", |facts| facts.session = Some(table.bob.clone()));
    assert_eq!(own, to(B, Why::Session));
}

#[test]
fn what_acts_on_one_hub_alone_is_refused() {
    let table = table();
    for target in
        ["/hub/api/shutdown", "/hub/api/proxy", "/hub/metrics", "/hub/api/info", "/hub/api/%73hutdown"]
    {
        let decision = table.decide(target, |facts| facts.session = Some(table.ann.clone()));
        assert!(matches!(decision, Decision::Own(Own::Refused(_))), "{target}: {decision:?}");
    }
}

#[test]
fn the_router_answers_for_itself() {
    let table = table();
    assert_eq!(table.decide("/_chp_healthz", |_| ()), Decision::Own(Own::Health));
    assert_eq!(table.decide("/hub/logout", |_| ()), Decision::Own(Own::Logout));
    assert_eq!(table.decide("/_hubrouter/hub/a", |_| ()), Decision::Own(Own::RouterPage));
}

#[test]
fn a_dead_hub_is_waited_for_and_its_running_notebooks_go_on() {
    let table = table_of("a, b: down");
    let home = table.decide("/hub/home", |facts| facts.session = Some(table.bob.clone()));
    let waits = |why, reason| Decision::Wait { hub: B, why, reason, user: Some(table.bob.clone()) };
    assert_eq!(home, waits(Why::Session, WaitReason::HubDown));
    let notebook = table.decide(&format!("/user/{}/lab", table.bob), |_| ());
    assert_eq!(notebook, to(B, Why::Owner));
    let table = table_of("a, b: proxy-down");
    let notebook = table.decide(&format!("/user/{}/lab", table.bob), |_| ());
    let user = Some(table.bob.clone());
    assert_eq!(notebook, Decision::Wait { hub: B, why: Why::Owner, reason: WaitReason::ProxyDown, user });
}

#[test]
fn a_hub_in_maintenance_shows_its_page_keeps_servers_and_lets_testers_in() {
    let table = table_of("a, b: maintenance");
    let bob = |facts: &mut RequestFacts<'_>| facts.session = Some(table.bob.clone());
    assert_eq!(table.decide("/hub/home", bob), Decision::Own(Own::Maintenance(B)));
    assert_eq!(table.decide(&format!("/user/{}/lab", table.bob), bob), to(B, Why::Owner));
    assert_eq!(table.decide("/hub/home", |facts| facts.chosen = Some(B)), to(B, Why::Chosen));
    assert_eq!(table.decide("/hub/login", |facts| facts.spread = 1), to(A, Why::Any));
}

#[test]
fn a_single_hub_gets_everything() {
    let table = Table { snapshot: snapshot("a", "{}"), ..table() };
    for (method, target) in [
        (Method::GET, "/hub/home"),
        (Method::GET, "/hub/oauth_callback?state=x"),
        (Method::GET, "/hub/api/users"),
        (Method::GET, "/hub/api/user"),
        (Method::POST, "/hub/spawn"),
    ] {
        let decision = table.decide_as(&method, target, |facts| {
            (facts.token, facts.jars, facts.jar_user) = (Asked::NotYet, vec![A], Asked::NotYet);
        });
        assert!(matches!(decision, Decision::Forward { hub: A, .. }), "{method} {target}: {decision:?}");
    }
}
