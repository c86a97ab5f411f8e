//! What operators rely on, as sequences of probes: `+` answered fast, `m` in half a second, `l` late in 1.5 s,
//! `-` failed; five seconds apart. Verdicts: `u`p, `s`tarting, `l`ate (slow), `d`own.

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { fall: 3, rise: 2, hold: Duration::from_secs(60) };
const INTERVAL: Duration = Duration::from_secs(5);

fn result(event: char) -> ProbeResult {
    let (seen, millis) = match event {
        '+' => (Seen::Ok, 10),
        'm' => (Seen::Ok, 500),
        'l' => (Seen::Ok, 1500),
        '-' => (Seen::Failed("connection refused".to_owned()), 1),
        other => panic!("no such probe: {other}"),
    };
    ProbeResult { seen, took: Duration::from_millis(millis) }
}

/// The health after each of the probes, on both planes alike.
fn history(start: Instant, probes: &str) -> Vec<HubHealth> {
    let mut health = HubHealth::new(start);
    let mut now = start;
    let mut states = Vec::new();
    for event in probes.chars() {
        now += INTERVAL;
        health = health.step(&RULES, Plane::Proxy, &result(event), now);
        health = health.step(&RULES, Plane::Hub, &result(event), now);
        states.push(health.clone());
    }
    states
}

fn after(start: Instant, probes: &str) -> HubHealth {
    history(start, probes).pop().unwrap_or_else(|| HubHealth::new(start))
}

fn hub_verdicts(probes: &str) -> String {
    let letter = |health: &HubHealth| match health.hub.verdict {
        HubPlane::Starting => 's',
        HubPlane::Up => 'u',
        HubPlane::Slow => 'l',
        HubPlane::Down => 'd',
    };
    history(Instant::now(), probes).iter().map(letter).collect()
}

fn proxy_verdicts(probes: &str) -> String {
    let letter = |health: &HubHealth| match health.proxy.verdict {
        ProxyPlane::Up => 'u',
        ProxyPlane::Down => 'd',
    };
    history(Instant::now(), probes).iter().map(letter).collect()
}

fn check(verdicts: impl Fn(&str) -> String, table: &[(&str, &str)]) {
    for (probes, expected) in table {
        assert_eq!(verdicts(probes), *expected, "after {probes}");
    }
}

#[test]
fn a_proxy_falls_with_three_failures_in_a_row_and_rises_with_two_answers() {
    check(
        proxy_verdicts,
        &[
            ("++", "uu"),
            ("---", "uud"),
            ("--+--+", "uuuuuu"),
            ("---+-++", "uuddddu"),
            ("---++-++", "uudduuuu"),
            ("llllllll", "uuuuuuuu"),
        ],
    );
}

#[test]
fn one_lost_probe_turns_no_page_into_a_waiting_page() {
    check(hub_verdicts, &[("+-+", "uuu"), ("+--+--+", "uuuuuuu")]);
}

#[test]
fn a_hub_that_falls_silent_is_starting_until_it_answers() {
    check(hub_verdicts, &[("+---", "uuus"), ("+----+", "uuussu"), ("+---+-", "uuusuu")]);
}

#[test]
fn a_hub_that_never_answered_is_starting_from_its_first_failure() {
    check(hub_verdicts, &[("-", "s"), ("--+", "ssu"), ("-+--", "suuu")]);
}

#[test]
fn a_hub_that_is_silent_for_longer_than_a_restart_is_down_until_it_answers_twice() {
    // The first failure is the second probe, at 10 s; 60 s later, at 70 s, the hold is over.
    check(
        hub_verdicts,
        &[
            ("+------------", "uuussssssssss"),
            ("+-------------", "uuussssssssssd"),
            ("+-------------+-++", "uuussssssssssddddu"),
        ],
    );
}

#[test]
fn a_hold_shorter_than_a_fall_still_needs_the_failures() {
    let rules = Rules { hold: Duration::ZERO, ..RULES };
    let start = Instant::now();
    let mut health = HubHealth::new(start).hub;
    let mut verdicts = Vec::new();
    for event in "---".chars() {
        health = health.step(&rules, &result(event), start);
        verdicts.push(health.verdict);
    }
    assert_eq!(verdicts, [HubPlane::Starting, HubPlane::Starting, HubPlane::Down]);
}

#[test]
fn a_hub_is_slow_by_the_median_of_six_answers_and_until_it_is_clearly_fast() {
    check(
        hub_verdicts,
        &[
            ("lllll", "uuuuu"),
            ("llllll", "uuuuul"),
            ("+++lll", "uuuuuu"),
            ("++llll", "uuuuul"),
            ("mmmmmm", "uuuuuu"),
            ("llllllmmmmmm", "uuuuulllllll"),
            ("llllll+++++", "uuuuulllluu"),
        ],
    );
}

#[test]
fn how_slow_a_hub_was_before_an_outage_is_forgotten() {
    check(hub_verdicts, &[("llllll---+", "uuuuulllsu"), ("llllll--l", "uuuuullll")]);
}

#[test]
fn an_outage_counts_from_its_first_failed_probe_and_a_verdict_from_its_own_change() {
    let start = Instant::now();
    let at = |probe: u32| start + INTERVAL * probe;

    let silent = after(start, "+---").hub;
    let back = after(start, "+---+").hub;

    assert_eq!((silent.since, silent.failing_since, silent.failures()), (at(4), Some(at(2)), 3));
    assert_eq!((back.since, back.failing_since, back.failures()), (at(5), None, 0));
}

#[test]
fn the_last_reason_is_kept_after_recovery() {
    let start = Instant::now();

    let failure = after(start, "+-+++").hub.last_failure.unwrap();

    assert_eq!((&*failure.reason, failure.at), ("connection refused", start + INTERVAL * 2));
}

#[test]
fn before_its_first_result_a_plane_counts_as_up_and_says_so() {
    let start = Instant::now();

    assert!(!after(start, "").hub.is_probed() && after(start, "+").hub.is_probed());
    assert_eq!(after(start, "").answer_for(Plane::Hub), Answer::Pass);
}

#[test]
fn the_planes_of_a_hub_are_judged_apart() {
    let start = Instant::now();
    let mut health = after(start, "+");
    for _ in 0..3 {
        health = health.step(&RULES, Plane::Hub, &result('-'), start);
    }

    assert_eq!((health.proxy.verdict, health.hub.verdict), (ProxyPlane::Up, HubPlane::Starting));
    assert_eq!(health.answer_for(Plane::Proxy), Answer::Pass);
    assert_eq!(health.answer_for(Plane::Hub), Answer::Wait(WaitReason::HubStarting));
}

#[test]
fn what_passes_and_what_waits_is_the_table_of_the_design() {
    use Answer::{Pass, Wait};
    use HubPlane::{Down, Slow, Starting, Up};
    let proxy_down = Wait(WaitReason::ProxyDown);
    let table = [
        (ProxyPlane::Up, Up, Pass, Pass),
        (ProxyPlane::Up, Slow, Pass, Pass),
        (ProxyPlane::Up, Starting, Pass, Wait(WaitReason::HubStarting)),
        (ProxyPlane::Up, Down, Pass, Wait(WaitReason::HubDown)),
        (ProxyPlane::Down, Up, proxy_down, proxy_down),
        (ProxyPlane::Down, Slow, proxy_down, proxy_down),
        (ProxyPlane::Down, Starting, proxy_down, proxy_down),
        (ProxyPlane::Down, Down, proxy_down, proxy_down),
    ];
    for (proxy, hub, user_plane, hub_plane) in table {
        assert_eq!(answer_for(proxy, hub, Plane::Proxy), user_plane, "{proxy:?}/{hub:?}");
        assert_eq!(answer_for(proxy, hub, Plane::Hub), hub_plane, "{proxy:?}/{hub:?}");
    }
}

#[test]
fn only_a_living_proxy_has_notebooks_to_link_to() {
    use WaitReason::{HubDown, HubPaused, HubStarting, ProxyDown, ProxyPaused};
    let runs = [ProxyDown, ProxyPaused, HubStarting, HubDown, HubPaused].map(WaitReason::notebooks_run);

    assert_eq!(runs, [false, false, true, true, true]);
}

#[test]
fn a_pause_makes_its_plane_wait_without_a_verdict_and_ends_with_an_answered_probe() {
    let start = Instant::now();
    let paused = |plane| {
        let mut health = after(start, "++");
        assert!(health.pause(plane, start).is_some());
        health
    };
    let answers = |health: &HubHealth| [Plane::Proxy, Plane::Hub].map(|plane| health.answer_for(plane));
    let (proxy, hub) = (Answer::Wait(WaitReason::ProxyPaused), Answer::Wait(WaitReason::HubPaused));

    assert_eq!(answers(&paused(Plane::Proxy)), [proxy, proxy]);
    assert_eq!(answers(&paused(Plane::Hub)), [Answer::Pass, hub]);
    let health = paused(Plane::Hub);
    assert_eq!((health.proxy.verdict, health.hub.verdict), (ProxyPlane::Up, HubPlane::Up));
    let other = health.clone().step(&RULES, Plane::Proxy, &result('+'), start);
    assert_eq!(answers(&other), [Answer::Pass, hub], "an answered probe of the other plane ended it");
    let failed = health.clone().step(&RULES, Plane::Hub, &result('-'), start);
    assert_eq!(answers(&failed), [Answer::Pass, hub], "a failed probe ended it");
    let answered = health.step(&RULES, Plane::Hub, &result('+'), start);
    assert_eq!(answers(&answered), [Answer::Pass, Answer::Pass]);
}

#[test]
fn a_pause_ends_by_its_time_and_a_verdict_says_more_than_a_pause() {
    let start = Instant::now();
    let mut health = after(start, "+");
    let length = health.pause(Plane::Hub, start).unwrap();

    assert_eq!(health.next_lapse(), Some(start + length));
    assert!(!health.lapse(start) && health.lapse(start + length));
    assert_eq!((health.answer_for(Plane::Hub), health.next_lapse()), (Answer::Pass, None));

    let mut silent = after(start, "+");
    for _ in 0..3 {
        silent = silent.step(&RULES, Plane::Hub, &result('-'), start);
    }
    silent.pause(Plane::Hub, start);
    assert_eq!(silent.answer_for(Plane::Hub), Answer::Wait(WaitReason::HubStarting));
}

#[test]
fn nothing_is_sent_twice_to_a_slow_hub_but_notebooks_behind_it_are_not_concerned() {
    use HubPlane::{Down, Slow, Starting, Up};
    let of = |plane| [Starting, Up, Slow, Down].map(|hub| may_repeat(hub, plane));

    assert_eq!(of(Plane::Hub), [true, true, false, true]);
    assert_eq!(of(Plane::Proxy), [true, true, true, true]);
}

fn ends_with(probes: &[char], wanted: impl Fn(char) -> bool, times: u32) -> bool {
    let times = times as usize;
    probes.len() >= times && probes[probes.len() - times..].iter().all(|event| wanted(*event))
}

proptest! {
    #[test]
    fn no_verdict_changes_without_evidence(probes in "[+ml-]{1,80}") {
        let mut before = HubHealth::new(Instant::now());
        for (place, health) in history(before.hub.since, &probes).into_iter().enumerate() {
            let seen: Vec<char> = probes.chars().take(place + 1).collect();
            let answered = |event| event != '-';
            let failed = |times| ends_with(&seen, |event| event == '-', times);
            let proxy_may = match health.proxy.verdict {
                unchanged if unchanged == before.proxy.verdict => true,
                ProxyPlane::Down => failed(RULES.fall),
                ProxyPlane::Up => ends_with(&seen, answered, RULES.rise),
            };
            let hub_may = match (before.hub.verdict, health.hub.verdict) {
                (before, unchanged) if unchanged == before => true,
                (_, HubPlane::Starting) => place == 0 || failed(RULES.fall),
                (HubPlane::Starting, HubPlane::Down) => failed(13),
                (HubPlane::Up | HubPlane::Slow | HubPlane::Down, HubPlane::Down) => false,
                (HubPlane::Down, HubPlane::Up) => ends_with(&seen, answered, RULES.rise),
                (_, HubPlane::Up) => ends_with(&seen, answered, 1),
                (_, HubPlane::Slow) => seen.iter().filter(|event| **event == 'l').count() >= 4,
            };
            prop_assert!(proxy_may && hub_may, "probe {} of {}", place, probes);
            before = health;
        }
    }

    #[test]
    fn enough_of_the_same_always_decides(probes in "[+ml-]{0,60}") {
        let start = Instant::now();
        let dead = after(start, &format!("{probes}{}", "-".repeat(13)));
        let alive = after(start, &format!("{probes}{}", "+".repeat(6)));

        prop_assert_eq!((dead.proxy.verdict, dead.hub.verdict), (ProxyPlane::Down, HubPlane::Down));
        prop_assert_eq!((alive.proxy.verdict, alive.hub.verdict), (ProxyPlane::Up, HubPlane::Up));
    }

    #[test]
    fn a_verdict_is_as_old_as_its_last_change(probes in "[+ml-]{1,60}") {
        let mut before = HubHealth::new(Instant::now());
        for health in history(before.hub.since, &probes) {
            prop_assert_eq!(health.hub.since == before.hub.since, health.hub.verdict == before.hub.verdict);
            prop_assert_eq!(health.proxy.since == before.proxy.since, health.proxy.verdict == before.proxy.verdict);
            before = health;
        }
    }
}
