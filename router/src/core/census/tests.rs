//! What the census concludes: a table for each rule, and the rules that hold for every history.

use proptest::prelude::*;

use hubrouter_hub_adapter::names::NameRule;

use super::*;

const MAX_AGE: u64 = 150;

fn start() -> Instant {
    // One origin for all instants of a test thread, far enough from the beginning of the clock.
    thread_local!(static START: Instant = Instant::now() + Duration::from_secs(10_000));
    START.with(|start| *start)
}

fn second(second: u64) -> Instant {
    start() + Duration::from_secs(second)
}

fn at(now: u64) -> At {
    At { now: second(now), outage: None, max_age: Duration::from_secs(MAX_AGE) }
}

fn in_outage_since(outage: u64, now: u64) -> At {
    At { outage: Some(second(outage)), ..at(now) }
}

fn asked(from: u64, to: u64) -> Asked {
    Asked { at: second(from), answered_at: second(to) }
}

fn name(text: &str) -> UserName {
    UserName::canonical(text, NameRule::Lower).unwrap()
}

fn id(text: &str) -> HubId {
    text.parse().unwrap()
}

fn servers(running: u32, pending: u32) -> Servers {
    Servers { running, pending }
}

/// A census from lines like `tell 60 ada:1:0 bo:0:1` and `see 70 ada:2`: asked then, answered a second later.
fn hub(lines: &[&str]) -> HubCensus {
    let mut hub = HubCensus::default();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let from: u64 = words[1].parse().unwrap();
        let numbers = |word: &str| -> (UserName, Vec<u32>) {
            let parts: Vec<&str> = word.split(':').collect();
            (name(parts[0]), parts[1..].iter().map(|part| part.parse().unwrap()).collect())
        };
        let users = words[2..].iter().map(|word| numbers(word));
        match words[0] {
            "tell" => hub.told(
                asked(from, from + 1),
                users.map(|(user, counts)| (user, servers(counts[0], counts[1]))),
            ),
            _ => hub.sighted(asked(from, from + 1), users.map(|(user, counts)| (user, counts[0]))),
        }
    }
    hub
}

#[test]
fn what_is_known_of_a_user_is_this_table() {
    use Presence::{None, Pending, Running, Unknown};
    for (history, now, expected) in [
        // Nobody said anything, or only the proxy did.
        (&[][..], 0, Unknown),
        (&["see 0"], 1, Unknown),
        (&["see 0 ada:1"], 1, Running),
        (&["see 0 ada:1"], 1 + MAX_AGE, Running),
        (&["see 0 ada:1"], 2 + MAX_AGE, Unknown),
        // The hub's own word, and its age.
        (&["tell 0"], 1, None),
        (&["tell 0"], MAX_AGE, None),
        (&["tell 0"], MAX_AGE + 1, Unknown),
        (&["tell 0 ada:1:0"], 1, Running),
        (&["tell 0 ada:0:1"], 1, Pending),
        (&["tell 0 ada:0:0"], 1, Pending),
        (&["tell 0 ada:1:1"], MAX_AGE + 1, Unknown),
        (&["tell 0 ada:1:0", "tell 60"], 61, None),
        (&["tell 60", "tell 0 ada:1:0"], 61, None),
        (&["tell 60 ada:1:0", "tell 0"], 61, Running),
        // Both layers.
        (&["tell 0", "see 10 ada:1"], 11, Running),
        (&["tell 0 ada:0:1", "see 10 ada:1"], 11, Running),
        (&["tell 0 ada:1:0", "see 10"], 11, Running),
        (&["see 10 ada:1", "see 20"], 21, Running),
        (&["see 10 ada:1", "tell 12"], 13, None),
        // A sighting whose answer came after the question was put may be the younger one.
        (&["see 10 ada:1", "tell 11"], 13, Running),
        (&["tell 11", "see 10 ada:1"], 13, Running),
        (&["tell 0", "see 10 ada:1"], 12 + MAX_AGE, Unknown),
    ] {
        assert_eq!(hub(history).presence(&name("ada"), at(now)), expected, "{history:?} at {now}");
    }
}

#[test]
fn of_a_hub_that_is_down_stands_what_was_known_at_its_first_failed_probe() {
    let told = hub(&["tell 100 ada:1:0"]);
    for (at, known, ada, bo) in [
        (in_outage_since(110, 10_000), true, Presence::Running, Presence::None),
        (in_outage_since(100 + MAX_AGE, 10_000), true, Presence::Running, Presence::None),
        (in_outage_since(101 + MAX_AGE, 10_000), false, Presence::Unknown, Presence::Unknown),
        // It is back, and has not been asked yet.
        (at(10_000), false, Presence::Unknown, Presence::Unknown),
    ] {
        let seen = (told.is_known(at), told.presence(&name("ada"), at), told.presence(&name("bo"), at));
        assert_eq!(seen, (known, ada, bo), "{at:?}");
    }
}

#[test]
fn servers_that_are_seen_while_the_hub_is_down_count() {
    let census = hub(&["tell 100", "see 400 ada:1"]);

    assert_eq!(census.presence(&name("ada"), in_outage_since(110, 10_000)), Presence::Running);
}

#[test]
fn unknown_counts_as_running() {
    let counted = [Presence::Running, Presence::Pending, Presence::Unknown, Presence::None];
    assert_eq!(counted.map(Presence::may_run), [true, true, true, false]);
    assert!(Census::default().presence(&id("a"), &name("ada"), at(0)).may_run());
}

#[test]
fn totals_follow_the_hub_and_what_was_seen_since() {
    for (history, users, running, pending) in [
        (&["tell 0 ada:1:0 bo:2:1 cy:0:1"][..], 3, 3, 2),
        (&["tell 0 ada:1:0 cy:0:1", "see 10 ada:1 cy:1"], 2, 2, 0),
        (&["tell 0 ada:1:0", "see 10 dee:1"], 2, 2, 0),
        (&["tell 0 ada:1:0", "see 10"], 1, 1, 0),
        (&["tell 0 ada:1:0", "see 10 ada:1 dee:2", "tell 60 dee:2:0"], 1, 2, 0),
    ] {
        let totals = Totals { users, servers: running, pending };
        assert_eq!(hub(history).totals(), totals, "{history:?}");
    }
}

/// Where ada is seen on two hubs, whose histories these are.
fn doubles(a: &[&str], b: &[&str], now: u64) -> String {
    let census = Census { hubs: BTreeMap::from([(id("a"), hub(a)), (id("b"), hub(b))]) };
    let found = census.on_two_hubs(|_| at(now));
    found.iter().map(|(user, hubs)| format!("{user}@{}{}", hubs[0], hubs[1])).collect()
}

#[test]
fn a_user_with_servers_on_two_hubs_at_the_same_time_is_found() {
    for (a, b, now, found) in [
        // Both before and after the other one.
        (&["tell 0 ada:1:0", "see 20 ada:1"][..], &["see 10 ada:1", "see 30 ada:1"][..], 31, "ada@ab"),
        (&["tell 0 ada:1:0", "tell 60 ada:1:0"], &["tell 10 ada:0:1", "tell 70 ada:1:0"], 71, "ada@ab"),
        // The first ended, perhaps, before the second began.
        (&["tell 0 ada:1:0"], &["see 10 ada:1", "see 20 ada:1"], 21, ""),
        (&["tell 0 ada:1:0", "see 10 ada:1"], &["see 20 ada:1", "see 30 ada:1"], 31, ""),
        (&["tell 0 ada:1:0", "tell 60"], &["see 10 ada:1", "see 70 ada:1"], 71, ""),
        // It ended, and another one was seen.
        (&["see 0 ada:1", "tell 20", "see 30 ada:1"], &["see 10 ada:1", "see 15 ada:1"], 31, ""),
        // Too old to say.
        (&["tell 0 ada:1:0", "see 20 ada:1"], &["see 10 ada:1", "see 30 ada:1"], 300, ""),
    ] {
        assert_eq!(doubles(a, b, now), found, "{a:?} {b:?}");
    }
}

/// One thing that happens: whom the hub names, whom the proxy shows, or what somebody asks the census to do.
#[derive(Clone, Debug)]
enum Happens {
    Told { late: u64, took: u64, servers: Option<(u32, u32)> },
    Sighted { took: u64, ada: bool },
    ForgetsOld,
    OutageBegins,
    OutageEnds,
}

fn history() -> impl Strategy<Value = Vec<(u64, Happens)>> {
    let happens = prop_oneof![
        (0u64..30, 0u64..20, prop::option::of((0u32..2, 0u32..2)))
            .prop_map(|(late, took, servers)| { Happens::Told { late, took, servers } }),
        (0u64..20, any::<bool>()).prop_map(|(took, ada)| Happens::Sighted { took, ada }),
        Just(Happens::ForgetsOld),
        Just(Happens::OutageBegins),
        Just(Happens::OutageEnds),
    ];
    prop::collection::vec((0u64..80, happens), 0..25)
}

/// The same conclusions from the whole history, remembered in full.
#[derive(Default)]
struct Reference {
    told: Vec<(u64, Option<(u32, u32)>)>,
    sighted: Vec<u64>,
}

impl Reference {
    fn presence(&self, now: u64, outage: Option<u64>) -> Presence {
        let fresh = |second: u64| outage.unwrap_or(now).saturating_sub(second) <= MAX_AGE;
        // Of answers to questions of the same instant the later one counts.
        let last = self.told.iter().max_by_key(|(asked, _)| *asked);
        let since = last.map_or(0, |(asked, _)| *asked);
        let seen = self.sighted.iter().any(|second| *second >= since && fresh(*second));
        match last {
            _ if seen => Presence::Running,
            Some((asked, _)) if !fresh(*asked) => Presence::Unknown,
            Some((_, None)) => Presence::None,
            Some((_, Some((0, _)))) => Presence::Pending,
            Some((_, Some(_))) => Presence::Running,
            None => Presence::Unknown,
        }
    }
}

proptest! {
    #[test]
    fn only_the_hubs_own_fresh_word_says_that_there_is_no_server(history in history()) {
        let (mut census, mut reference) = (HubCensus::default(), Reference::default());
        let (mut now, mut outage) = (100, None);
        let ada = name("ada");
        for (passed, happens) in history {
            now += passed;
            match happens {
                Happens::Told { late, took, servers: told } => {
                    let from = now - late.min(now);
                    let users = told.map(|(running, pending)| (ada.clone(), servers(running, pending)));
                    census.told(asked(from, now + took), users);
                    reference.told.push((from, told));
                    now += took;
                }
                Happens::Sighted { took, ada: shown } => {
                    census.sighted(asked(now, now + took), shown.then(|| (ada.clone(), 1)));
                    now += took;
                    if shown {
                        reference.sighted.push(now);
                    }
                }
                Happens::ForgetsOld => {
                    census.forget_old(At { outage: outage.map(second), ..at(now) });
                }
                Happens::OutageBegins => outage = outage.or(Some(now)),
                Happens::OutageEnds => outage = None,
            }
            let moment = At { outage: outage.map(second), ..at(now) };
            prop_assert_eq!(census.presence(&ada, moment), reference.presence(now, outage));
            if census.presence(&ada, moment) == Presence::None {
                prop_assert!(census.is_known(moment));
            }
        }
    }

    #[test]
    fn a_missing_route_is_never_proof(history in history(), passed in 0u64..400) {
        let mut census = HubCensus::default();
        let (mut now, ada) = (100, name("ada"));
        for (passed, happens) in history {
            now += passed;
            match happens {
                Happens::Told { servers: told, .. } => {
                    census.told(asked(now, now), told.map(|(some, more)| (ada.clone(), servers(some, more))));
                }
                Happens::Sighted { ada: true, .. } => census.sighted(asked(now, now), [(ada.clone(), 1)]),
                _ => {}
            }
        }
        let later = at(now + passed);
        let before = census.presence(&ada, later);

        census.sighted(asked(now + passed, now + passed), []);

        prop_assert_eq!(census.presence(&ada, later), before);
    }

    #[test]
    fn time_alone_never_frees_a_user(history in history(), passed in 0u64..400) {
        let mut census = HubCensus::default();
        let (mut now, ada) = (100, name("ada"));
        for (passed, happens) in history {
            now += passed;
            if let Happens::Told { servers: told, .. } = happens {
                census.told(asked(now, now), told.map(|(some, more)| (ada.clone(), servers(some, more))));
            }
        }
        let before = census.presence(&ada, at(now));
        let after = census.presence(&ada, at(now + passed));

        prop_assert!(after == before || after == Presence::Unknown, "{before:?} became {after:?}");
    }
}
