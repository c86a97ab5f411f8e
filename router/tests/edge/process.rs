//! `hubrouter serve` as a process: how it begins, what signals do to it, and with which code it ends.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::support::wire::PATIENCE;
use super::support::{Authority, Browser, RawHub, Request, Wire};

/// A configuration file in a folder of its own.
struct File {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl File {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hubrouter.yaml");
        std::fs::write(&path, text).unwrap();
        Self { path, _folder: folder }
    }

    /// A site on free ports whose only hub is not there.
    fn good() -> Self {
        Self::with(
            "listen: [{address: '127.0.0.1:0'}]\nadmin: {address: '127.0.0.1:0'}\n\
             hubs: [{id: a, url: 'http://127.0.0.1:9'}]\n\
             telemetry: {log: {format: json, level: info}, access_log: false}\n",
        )
    }
}

fn hubrouter(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubrouter"));
    command.args(arguments).env_remove("HUBROUTER_LOG").env_remove("HUBROUTER_CONFIG").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn output(arguments: &[&str]) -> Output {
    timeout(PATIENCE, hubrouter(arguments).output()).await.expect("it ends by itself").unwrap()
}

fn serve(file: &Path) -> [&str; 3] {
    ["serve", "--config", file.to_str().unwrap()]
}

/// A process that serves.
struct Served {
    child: Child,
    log: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
    admin: std::net::SocketAddr,
}

impl Served {
    async fn by(file: &File) -> Self {
        let mut child = hubrouter(&serve(&file.path)).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = next_with(&mut log, "hubrouter serves").await;
        let line: serde_json::Value = serde_json::from_str(&line).expect("one JSON object for each line");
        let admin = line["admin"].as_str().unwrap().parse().unwrap();
        Self { child, log, admin }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    async fn exit_code(&mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap().code()
    }
}

async fn next_with(log: &mut tokio::io::Lines<BufReader<tokio::process::ChildStderr>>, text: &str) -> String {
    let found = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains(text) {
                return line;
            }
        }
        panic!("it ended without saying {text:?}");
    };
    timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("it did not say {text:?}"))
}

/// A process has to found its directory before it is ready.
async fn until_ready(served: &Served) {
    let ready = async {
        while Browser::new(served.admin).send(Request::get("/readyz")).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, ready).await.expect("it is ready in time");
}

#[tokio::test]
async fn a_process_ends_with_success_when_it_is_told_to() {
    for name in ["-TERM", "-INT"] {
        let mut served = Served::by(&File::good()).await;
        until_ready(&served).await;

        served.signal(name);

        assert_eq!(served.exit_code().await, Some(0), "{name}");
    }
}

#[tokio::test]
async fn a_process_that_is_told_twice_does_not_wait_for_what_is_under_way() {
    let mut hub = RawHub::start().await;
    let text = std::fs::read_to_string(File::good().path).unwrap();
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = text.replace("'127.0.0.1:0'}]", &format!("'{listen}'}}]"));
    let file = File::with(&text.replace("127.0.0.1:9", &hub.address.to_string()));
    let mut served = Served::by(&file).await;
    let mut client = Wire::to(listen).await;
    client.say("GET /user/ada/slow HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let _never_answered = hub.request().await;

    served.signal("-TERM");
    next_with(&mut served.log, "finishing what was begun").await;
    client.is_silent_for(Duration::from_millis(300)).await;
    served.signal("-TERM");

    assert_eq!(served.exit_code().await, Some(0));
    client.ends().await;
}

#[tokio::test]
async fn a_process_that_gets_sighup_reads_its_file_again_and_serves_on() {
    let file = File::good();
    let mut served = Served::by(&file).await;
    Browser::new(served.admin).send(Request::get("/livez")).await;

    served.signal("-HUP");
    next_with(&mut served.log, "the configuration was reloaded").await;

    until_ready(&served).await;
    served.signal("-TERM");
    assert_eq!(served.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_process_that_gets_sighup_shows_the_certificate_that_stands_in_its_files_then() {
    let authority = Authority::new("site");
    let (old, new) = (authority.signs(&["site.example"]), authority.signs(&["site.example"]));
    let address: std::net::SocketAddr = format!("127.0.0.1:{}", free_port()).parse().unwrap();
    let tls = format!("'{address}', tls: {{certificates: [{{cert: site.crt, key: site.key}}]}}}}]");
    let text = std::fs::read_to_string(File::good().path).unwrap();
    let file = File::with(&text.replacen("'127.0.0.1:0'}]", &tls, 1));
    let folder = file.path.parent().unwrap();
    old.write(folder, "site");
    let mut served = Served::by(&file).await;
    let mut before = authority.wire(address, "site.example").await;
    assert_eq!(before.session().peer_certificates().unwrap()[0], old.der());
    // Who answers there listens to the signal, too.
    Browser::new(served.admin).send(Request::get("/livez")).await;

    new.write(folder, "site");
    served.signal("-HUP");
    let (mut heard, mut shown) = (false, false);
    while !heard || !shown {
        // In any order: the files are watched, too.
        let line = next_with(&mut served.log, "").await;
        heard |= line.contains("SIGHUP");
        shown |= line.contains("a new certificate is shown");
    }

    let now = authority.wire(address, "site.example").await;
    assert_eq!(now.session().peer_certificates().unwrap()[0], new.der());
    before.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").await;
    assert!(before.head().await.starts_with("HTTP/1.1 200 "));
    served.signal("-TERM");
    assert_eq!(served.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_configuration_with_five_mistakes_reports_five_problems_and_nothing_runs() {
    let file = File::with(
        "listen: [{address: nowhere}]\nadmin: {address: '127.0.0.1:0'}\n\
         hubs:\n  - {id: Hub_A, url: 'http://127.0.0.1:9'}\n  - {id: b, url: 'ftp://127.0.0.1:9'}\n\
         timeouts: {connect: soon}\nplacment: {algorithm: ring}\n",
    );

    let output = output(&serve(&file.path)).await;

    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for (line, key) in [
        (1, "listen[0].address"),
        (4, "hubs[0].id"),
        (5, "hubs[1].url"),
        (6, "timeouts.connect"),
        (7, "placment"),
    ] {
        let at = format!("hubrouter.yaml:{line}:");
        assert!(said.lines().any(|said| said.contains(&at) && said.contains(key)), "{at} {key}:\n{said}");
    }
}

#[tokio::test]
async fn a_file_or_an_address_that_cannot_be_had_is_named() {
    let missing = output(&["serve", "--config", "/nowhere/hubrouter.yaml"]).await;
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/hubrouter.yaml"));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (key, other) in [
        ("listen: [{address", "admin: {address: '127.0.0.1:0'}"),
        ("admin: {address", "listen: [{address: '127.0.0.1:0'}]"),
    ] {
        let end = if key.starts_with("listen") { "}]" } else { "}" };
        let text =
            format!("{key}: '{address}'{end}\n{other}\nhubs: [{{id: a, url: 'http://127.0.0.1:9'}}]\n");
        let output = output(&serve(&File::with(&text).path)).await;
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    }
}

#[tokio::test]
async fn the_version_is_printed() {
    let output = output(&["--version"]).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("hubrouter {}\n", env!("CARGO_PKG_VERSION")));
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_second_router_on_the_same_port_is_refused() {
    let address = format!("127.0.0.1:{}", free_port());
    let text = std::fs::read_to_string(File::good().path).unwrap();
    let file = File::with(&text.replacen("127.0.0.1:0", &address, 1));
    let _first = Served::by(&file).await;

    let port = address.rsplit_once(':').unwrap().1;
    for second in [&serve(&file.path)[..], &["demo", "--port", port, "--admin-port", "0"]] {
        let output = output(second).await;
        assert_eq!(output.status.code(), Some(2), "{second:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("cannot listen on {address}")), "{second:?}: {said}");
    }
}

/// A demo on free ports whose standard input is open, once it has said what to try.
async fn demo() -> (Child, tokio::process::ChildStdin) {
    let mut command = hubrouter(&["demo", "--port", "0", "--admin-port", "0"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let welcomed = async {
        while let Some(line) = said.next_line().await.unwrap() {
            if line.contains("press Ctrl-C to end") {
                return;
            }
        }
        panic!("it ended without a welcome");
    };
    timeout(PATIENCE, welcomed).await.expect("it welcomes");
    // Nobody reads on, and nobody has left.
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    let input = child.stdin.take().unwrap();
    (child, input)
}

#[tokio::test]
async fn a_demo_ends_by_a_signal_and_by_its_word_though_its_input_stays_open() {
    for way in ["-INT", "-TERM", "quit"] {
        let (mut child, mut input) = demo().await;
        match way {
            "quit" => input.write_all(b"quit\n").await.unwrap(),
            signal => {
                // Its handlers are there a moment after the welcome.
                tokio::time::sleep(Duration::from_millis(300)).await;
                let pid = child.id().expect("it runs").to_string();
                assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
            }
        }
        let code =
            timeout(PATIENCE, child.wait()).await.unwrap_or_else(|_| panic!("it does not end by {way}"));
        assert_eq!(code.unwrap().code(), Some(0), "{way}");
        drop(input);
    }
}

#[tokio::test]
async fn a_reader_that_leaves_early_is_no_error() {
    let file = File::good();
    let path = file.path.to_str().unwrap();
    for arguments in [&["explain", "ada", "--config", path][..], &["schema"], &["completions", "bash"]] {
        let mut child = hubrouter(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn explain_takes_its_configuration_from_where_serve_does() {
    let file = File::good();
    let mut command = hubrouter(&["explain", "ada"]);
    let output = command.env("HUBROUTER_CONFIG", &file.path).output().await.unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("ada belongs to a: "), "{output:?}");

    let blank = hubrouter(&["explain", " "]).env("HUBROUTER_CONFIG", &file.path).output().await.unwrap();
    assert_eq!(blank.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&blank.stderr).contains("is not a user name"), "{blank:?}");
}
