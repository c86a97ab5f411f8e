//! Operators at work: the built `hubrouter` against the real admin listener. Orders are carried out by a small stand-in that
//! keeps drains and events; what a real drain does is tested elsewhere.

mod door;

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use super::support::wire::PATIENCE;
use super::support::{Site, Sketch, logged};
use door::{BOSS, Door, OPERATOR, READER};

/// The built binary against a router at `url`, with this token.
fn hubrouter(url: &str, token: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubrouter"));
    command.args(line.split(' ')).kill_on_drop(true);
    command.env_remove("HUBROUTER_LOG").env_remove("HUBROUTER_CONFIG").env("USER", "alice");
    command.env("HUBROUTER_ADMIN_URL", url).env("HUBROUTER_TOKEN", token);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit code, standard output, standard error.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.out))
    }
}

async fn run(url: &str, token: &str, line: &str) -> Said {
    let run = hubrouter(url, token, line).output();
    let Output { status, stdout, stderr } = timeout(PATIENCE, run).await.expect("it ends by itself").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

#[tokio::test]
async fn an_order_prints_what_changes_and_who_ordered_it() {
    let door = Door::open().await;

    let said = door.run(OPERATOR, "drain hub-a --deadline 2h --reason kernel").await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    let text = "`hub-a` is drained by alice (operate@127.0.0.1)\n  2 users go to hub-b\n\
        Ordered by alice (operate@127.0.0.1): kernel\n";
    assert_eq!(said.out, text);
}

#[tokio::test]
async fn a_second_drain_is_refused_and_sees_the_first() {
    let door = Door::open().await;
    assert_eq!(door.run(OPERATOR, "drain hub-a").await.code, Some(0));

    let second = door.run(BOSS, "drain hub-a --force --who bob").await;
    let json = door.run(OPERATOR, "drain hub-a --format json").await;

    assert_eq!((second.code, second.out.as_str()), (Some(1), ""));
    assert!(second.err.starts_with("hubrouter: refused: "), "{}", second.err);
    assert!(second.err.contains("drained already, by alice (operate@127.0.0.1)"), "{}", second.err);
    assert_eq!(
        (json.code, &json.json()["kind"], &json.json()["status"]),
        (Some(1), &"conflict".into(), &409.into())
    );
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_an_abort_ends_what_there_is() {
    let door = Door::open().await;

    let dry = door.run(OPERATOR, "drain hub-a --dry-run").await;
    assert_eq!(dry.code, Some(0), "{}", dry.err);
    assert!(dry.out.contains("A dry run, nothing was changed; asked by alice"), "{}", dry.out);

    let nothing = door.run(OPERATOR, "drain hub-a --abort").await;
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.err.contains("nothing to abort"), "{}", nothing.err);

    assert_eq!(door.run(OPERATOR, "drain hub-a").await.code, Some(0));
    assert_eq!(door.run(OPERATOR, "drain hub-a --abort").await.code, Some(0));
    assert_eq!(door.run(OPERATOR, "drain hub-a --abort").await.code, Some(1));
}

#[tokio::test]
async fn unknown_hubs_and_users_are_named_with_what_there_is() {
    let door = Door::open().await;
    for line in ["drain hub-x", "move ada hub-x", "failover hub-x", "cordon ../status"] {
        let said = door.run(OPERATOR, line).await;
        assert_eq!(said.code, Some(1), "{line}: {}", said.err);
        assert!(said.err.contains("the hubs are: hub-a, hub-b"), "{line}: {}", said.err);
    }
    for line in ["move eve hub-a", "pin eve --clear", "explain eve --live"] {
        let said = door.run(OPERATOR, line).await;
        assert_eq!(said.code, Some(1), "{line}: {}", said.err);
        assert!(said.err.contains("no hub knows a user `eve`"), "{line}: {}", said.err);
    }
}

#[tokio::test]
async fn a_token_opens_as_far_as_its_role_and_a_wrong_one_opens_nothing() {
    let door = Door::open().await;
    for (token, words) in [("", "set HUBROUTER_TOKEN"), ("sesame-sesame-sesame", "set HUBROUTER_TOKEN")] {
        for line in ["status", "cordon hub-a", "events --follow"] {
            let said = door.run(token, line).await;
            assert_eq!(said.code, Some(2), "{line}: {}", said.err);
            assert!(said.err.contains(words) && !said.err.contains("sesame"), "{line}: {}", said.err);
        }
    }
    let reader = door.run(READER, "cordon hub-a").await;
    assert_eq!((reader.code, reader.err.contains("the role `operate`")), (Some(1), true), "{}", reader.err);
    for line in [
        "drain hub-a --force",
        "maintenance hub-a --force",
        "failover hub-a --assume-stopped",
        "apply --force",
    ] {
        let operator = door.run(OPERATOR, line).await;
        assert_eq!(operator.code, Some(1), "{line}");
        assert!(operator.err.contains("the role `admin`"), "{line}: {}", operator.err);
        assert_eq!(door.run(BOSS, line).await.code, Some(0), "{line}");
    }
}

#[tokio::test]
async fn every_command_works_against_a_running_router() {
    let door = Door::open().await;
    for line in [
        "cordon hub-a",
        "maintenance hub-a --dry-run",
        "resume hub-a",
        "failover hub-b",
        "move ada hub-b",
        "pin ada hub-b",
        "pin ada --clear",
        "apply",
    ] {
        let said = door.run(OPERATOR, line).await;
        assert_eq!(said.code, Some(0), "{line}: {}", said.err);
        assert!(
            said.out.contains(line.split(' ').next().unwrap()) || line.contains("--clear"),
            "{line}: {}",
            said.out
        );
        let json = door.run(OPERATOR, &format!("{line} --format json")).await.json();
        assert_eq!(json["who"], "alice (operate@127.0.0.1)", "{line}");
    }
    for (line, words) in [
        ("status", "hub-a  active"),
        ("hubs", "http://hub-a"),
        ("explain Ada --live", "ada belongs to hub-b: pinned"),
        ("events", "hub-a  it began"),
    ] {
        let said = door.run(READER, line).await;
        assert!(said.code == Some(0) && said.out.contains(words), "{line}: {} {}", said.out, said.err);
    }
    assert_eq!(door.run(READER, "hubs --format json").await.json()["hubs"][0]["id"], "hub-a");
    assert_eq!(door.run(READER, "events --format json").await.json()["last"], 1);
}

#[tokio::test]
async fn what_cannot_be_asked_or_does_not_answer_is_no_refusal() {
    let door = Door::open().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for line in [
        format!("status --admin http://{free}"),
        format!("cordon hub-a --admin http://{free}"),
        "status --admin https://router".to_owned(),
        "explain a/b --live".to_owned(),
        "drain hub-a --deadline 2".to_owned(),
        "pin ada".to_owned(),
    ] {
        let said = door.run(OPERATOR, &line).await;
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{line}");
        assert!(!said.err.is_empty(), "{line}");
    }
}

#[tokio::test]
async fn an_order_that_is_not_answered_may_have_been_carried_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hangs_up = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        tokio::io::AsyncReadExt::read(&mut stream, &mut head).await.unwrap();
    };

    let (said, ()) = tokio::join!(run(&url, OPERATOR, "cordon hub-a"), hangs_up);

    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("may have been carried out: see `hubrouter status`"), "{}", said.err);
}

#[tokio::test]
async fn every_order_leaves_one_line_with_who_what_and_why_and_no_token() {
    logged::start();
    let door = Door::open().await;
    let reason = "--reason audited-0815";
    for (token, line) in [
        (OPERATOR, "drain hub-a --dry-run"),
        (OPERATOR, "drain hub-a"),
        (OPERATOR, "drain hub-a"),
        (OPERATOR, "cordon hub-audited"),
        (OPERATOR, "maintenance hub-a --force"),
    ] {
        door.run(token, &format!("{line} {reason}")).await;
    }
    door.run(READER, "cordon hub-read-only").await;

    let lines = logged::lines_with("audited-0815");
    let outcomes = ["dry_run", "done", "conflict", "unknown_hub", "forbidden"];
    assert_eq!(lines.len(), outcomes.len(), "{lines:?}");
    for (line, outcome) in lines.iter().zip(outcomes) {
        assert!(line.contains(" INFO ") && line.contains(&format!("order.outcome=\"{outcome}\"")), "{line}");
        assert!(line.contains("order.who=\"alice (operate@127.0.0.1)\""), "{line}");
    }
    let denied = logged::lines_with("hub-read-only");
    assert!(denied.len() == 1 && denied[0].contains("order.who=\"read@127.0.0.1\""), "{denied:?}");
    assert_eq!(logged::lines_with(OPERATOR), Vec::<String>::new());
}

/// `events --follow` as a process.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    notes: Lines<BufReader<ChildStderr>>,
}

impl Following {
    fn at(door: &Door) -> Self {
        let mut child = hubrouter(&door.url(), READER, "events --follow").spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let notes = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines, notes }
    }

    async fn next(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("an event in time");
        line.unwrap().expect("it goes on")
    }

    async fn note(&mut self) -> String {
        let line = timeout(PATIENCE, self.notes.next_line()).await.expect("a note in time");
        line.unwrap().expect("it goes on")
    }

    async fn code(&mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap().code()
    }
}

#[tokio::test]
async fn events_are_followed_as_they_happen_over_a_restart_until_control_c() {
    let mut door = Door::open().await;
    let mut following = Following::at(&door);
    assert!(following.next().await.ends_with("began  hub-a  it began"));

    door.happens("moved\u{1b}[2J");
    assert!(following.next().await.ends_with("  happened  hub-a  moved\\u{1b}[2J"));
    door.close().await;
    assert!(following.note().await.ends_with("; trying again"));
    door.reopen().await;
    door.happens("after the restart");
    assert!(following.next().await.ends_with("  happened  hub-a  after the restart"));

    let pid = following.child.id().expect("it runs").to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(following.code().await, Some(0));
}

#[tokio::test]
async fn following_ends_when_nobody_reads_any_more() {
    let door = Door::open().await;
    let mut following = Following::at(&door);
    following.next().await;
    let Following { mut child, lines, notes: _notes } = following;
    drop(lines);

    // The first line after its reader has left may still fit into the pipe.
    let ended = async {
        loop {
            door.happens("something");
            tokio::select! {
                ended = child.wait() => return ended.unwrap().code(),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
    };
    assert_eq!(timeout(PATIENCE, ended).await.expect("it ends"), Some(0));
}

#[tokio::test]
async fn the_status_of_a_whole_site_is_shown_and_its_public_door_is_no_admin_api() {
    let site: Site = Sketch::with_hubs(&["hub-a", "hub-b"]).start().await;

    let admin = run(&format!("http://{}", site.admin), "", "status").await;
    let public = run(&format!("http://{}", site.address), "", "status").await;

    assert!(admin.code == Some(0) && admin.out.starts_with("ready\n"), "{} {}", admin.out, admin.err);
    assert!(admin.out.contains("hub-a") && admin.out.contains("hub-b"), "{}", admin.out);
    assert_eq!(public.code, Some(2));
    assert!(public.err.contains("no admin API of hubrouter"), "{}", public.err);
}

#[tokio::test]
async fn completions_know_the_operators_verbs() {
    let said = run("http://127.0.0.1:9901", "", "completions bash").await;

    assert_eq!(said.code, Some(0));
    for word in ["maintenance", "--assume-stopped", "--follow"] {
        assert!(said.out.contains(word), "{word}");
    }
}
