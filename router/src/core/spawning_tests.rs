//! Starts as words: the user's letter, then `+` succeeded or `-` failed; a number lets so many minutes pass.

use hubrouter_hub_adapter::names::NameRule;
use proptest::prelude::*;

use super::*;

struct Hub {
    starts: Starts,
    now: Instant,
}

impl Hub {
    fn new() -> Hub {
        let now = Instant::now();
        Hub { starts: Starts::new(now), now }
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.starts.lapse(self.now);
    }

    /// What is told by the answer to a request that was sent `seconds` ago.
    fn hear(&mut self, user: char, heard: Heard, seconds: u64) {
        let user = (user != '?').then(|| UserName::canonical(&user.to_string(), NameRule::Lower).unwrap());
        let start = Start { user, server: String::new() };
        let asked_at = self.now - Duration::from_secs(seconds);
        self.starts.hear(Told { start, heard, asked_at }, self.now);
    }

    fn run(words: &str) -> Hub {
        let mut hub = Hub::new();
        for word in words.split_whitespace() {
            hub.later(1);
            match (word.parse::<u64>(), word.chars().next(), word.ends_with('+')) {
                (Ok(minutes), _, _) => hub.later(minutes * 60),
                (Err(_), Some(user), true) => hub.hear(user, Heard::Started, 0),
                (Err(_), Some(user), false) => hub.hear(user, Heard::Failed, 0),
                (Err(_), None, _) => {}
            }
        }
        hub
    }

    fn verdict(&self) -> Verdict {
        self.starts.verdict().verdict
    }
}

#[test]
fn a_hub_is_failing_when_three_of_its_last_five_starts_failed_of_two_users_in_ten_minutes() {
    use Verdict::{Failing, Ok, Unknown};
    for (words, expected) in [
        ("", Unknown),
        ("a+", Ok),
        ("a-", Unknown),
        ("a- b-", Unknown),
        ("a- b- c-", Failing),
        ("a- b- a-", Failing),
        ("a- a- a- a- a-", Unknown),
        ("a+ a- a- a- a- a-", Ok),
        ("?- ?- ?- ?-", Unknown),
        ("?- a- b-", Failing),
        ("a- b+ a- c+ b-", Failing),
        ("a- b+ c+ d+ a- b-", Ok),
        ("a- b+ c+ a- b-", Failing),
        ("a- b- 9 c-", Failing),
        ("a- b- 10 c-", Unknown),
        ("a+ b- c- 10 d- a-", Ok),
    ] {
        assert_eq!(Hub::run(words).verdict(), expected, "{words}");
    }
}

#[test]
fn one_success_ends_it_and_what_was_before_is_forgotten() {
    assert_eq!(Hub::run("a- b- c- d+").verdict(), Verdict::Ok);
    assert_eq!(Hub::run("a- b- c- d+ a- b-").verdict(), Verdict::Ok);
    assert_eq!(Hub::run("a- b- c- d+ a- b- c-").verdict(), Verdict::Failing);
}

#[test]
fn a_hub_that_is_failing_stays_so_while_anything_says_so_and_is_unknown_after() {
    assert_eq!(Hub::run("a- b- c- 9 a- a- a- a- a- 9").verdict(), Verdict::Failing);
    assert_eq!(Hub::run("a- b- c- 10").verdict(), Verdict::Unknown);
    assert_eq!(Hub::run("a+ 10").verdict(), Verdict::Ok);
}

#[test]
fn the_verdict_comes_with_what_it_rests_on_and_since_when() {
    let mut hub = Hub::run("a+ b+ a- b- b-");
    let failing_since = hub.now;
    hub.later(5);
    hub.hear('b', Heard::Failed, 0);

    let Spawning { verdict, since, finished, failed, users } = hub.starts.verdict();

    assert_eq!((verdict, finished, failed, users), (Verdict::Failing, 5, 4, 2));
    assert_eq!(since, failing_since);
}

#[test]
fn one_start_is_counted_once_however_often_it_is_told_of() {
    let failed = Heard::LastEvent { ready: false, under_way: true };
    let told_again = Heard::LastEvent { ready: false, under_way: false };
    let mut hub = Hub::new();
    hub.hear('a', Heard::Pending, 1);
    hub.later(10);
    hub.hear('a', failed, 9);
    // A second tab, the answer to the request that began it, and a stream that is opened after the end.
    hub.hear('a', failed, 8);
    hub.hear('a', Heard::Failed, 10);
    hub.later(1);
    hub.hear('a', told_again, 0);
    assert_eq!(hub.starts.verdict().finished, 1);

    // The next one is another one.
    hub.hear('a', Heard::Pending, 0);
    hub.later(10);
    hub.hear('a', told_again, 0);
    assert_eq!(hub.starts.verdict().finished, 2);
}

#[test]
fn a_server_that_runs_for_long_is_no_success_of_a_start() {
    let mut hub = Hub::run("a- b- c-");
    hub.later(1);
    hub.hear('d', Heard::Runs, 0);
    hub.hear('d', Heard::LastEvent { ready: true, under_way: false }, 0);
    assert_eq!(hub.verdict(), Verdict::Failing);

    hub.hear('d', Heard::Pending, 0);
    hub.later(1);
    hub.hear('d', Heard::Runs, 0);
    assert_eq!(hub.verdict(), Verdict::Ok);
}

#[test]
fn a_start_that_another_replica_sent_on_is_counted_by_its_events() {
    let mut hub = Hub::new();

    hub.hear('a', Heard::LastEvent { ready: true, under_way: true }, 5);

    assert_eq!(hub.verdict(), Verdict::Ok);
}

#[test]
fn one_start_in_ten_is_a_trial_the_first_one_at_once() {
    let trials: Vec<u64> = (0..30).filter(|nth| is_trial(*nth)).collect();

    assert_eq!(trials, [0, 10, 20]);
}

#[test]
fn made_up_servers_cost_no_more_than_so_much_memory() {
    let mut hub = Hub::new();
    for number in 0..3000 {
        let user = UserName::canonical("ada", NameRule::Lower);
        let start = Start { user, server: number.to_string() };
        hub.starts.hear(Told { start, heard: Heard::Pending, asked_at: hub.now }, hub.now);
    }
    assert_eq!(hub.starts.known.len(), REMEMBERED);

    hub.later(WINDOW.as_secs());
    assert_eq!(hub.starts.known.len(), 0);
}

proptest! {
    #[test]
    fn a_hub_turns_failing_by_the_rule_alone_and_a_success_always_ends_it(words in "([abc?][+-] |[0-9] ){1,40}") {
        let mut so_far = String::new();
        let mut before = Verdict::Unknown;
        for word in words.split_whitespace() {
            so_far = format!("{so_far} {word}");
            let Spawning { verdict, finished, failed, users, .. } = Hub::run(&so_far).starts.verdict();
            prop_assert!(finished <= LAST && failed <= finished && users <= failed);
            if verdict == Verdict::Failing && before != Verdict::Failing {
                prop_assert!(failed >= FAILURES && users >= USERS, "{}", so_far);
            }
            if word.ends_with('+') {
                prop_assert_eq!(verdict, Verdict::Ok, "{}", so_far);
            }
            before = verdict;
        }
    }

    #[test]
    fn one_user_alone_never_makes_a_hub_failing(words in "(a[+-] |\\?- |[0-9] ){1,40}") {
        prop_assert_ne!(Hub::run(&words).verdict(), Verdict::Failing);
    }
}
