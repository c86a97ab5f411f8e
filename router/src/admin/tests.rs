//! The operator's door on a real socket.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use hubrouter_config::{Admin, AdminToken, Intent, Role, Secret, Storage, Tier, Weight};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::fake::Fake;
use super::*;

mod ordering;

const TOKEN: &str = "a-token-of-the-reader";
const SOON: Duration = Duration::from_secs(5);

struct View {
    readiness: Mutex<Readiness>,
    access: Arc<Access>,
    fake: Fake,
}

impl AdminView for View {
    fn readiness(&self) -> Readiness {
        self.readiness.lock().unwrap().clone()
    }

    fn status(&self) -> StatusReport {
        let plane = |state, reason: Option<&str>| PlaneReport {
            state,
            since_seconds: 7,
            probed: true,
            failures: 0,
            paused: false,
            reason: reason.map(str::to_owned),
            latency_ms: Some(12),
        };
        StatusReport {
            version: "9.9.9".to_owned(),
            uptime_seconds: 1,
            readiness: self.readiness(),
            snapshot: 42,
            config: ConfigReport { file: "hubrouter.yaml".to_owned(), loaded_at: 1, last_reload: None },
            hubs: vec![HubReport {
                id: "hub-a".parse().unwrap(),
                url: "http://hub-a:80".to_owned(),
                intent: Intent::Active,
                word: None,
                starts: StartsReport { to: "here", whom: None, cause: None, since_seconds: None },
                drain: None,
                outage: None,
                failover: None,
                failed_over: None,
                stale: Vec::new(),
                dissenters: vec!["r2".to_owned()],
                assigned: 2,
                tier: Tier::Active,
                weight: Weight::default(),
                storage: Storage::Local,
                database: None,
                planes: PlanesReport { proxy: plane("up", None), hub: plane("down", Some("refused")) },
                spawning: SpawningReport {
                    state: "failing",
                    since_seconds: 9,
                    finished: 5,
                    failed: 3,
                    users: 2,
                },
                census: CensusReport { source: "hub", users: 12, known: true, ..CensusReport::default() },
                counts: BTreeMap::from([("requests", 3)]),
            }],
            directory: DirectoryReport { kind: "memory", read: true, ..DirectoryReport::default() },
            replicas: Vec::new(),
            placement: PlacementReport { generation: 3, ..PlacementReport::default() },
            users_on_two_hubs: vec![DoubleReport {
                user: "ada".to_owned(),
                hubs: vec!["hub-a".parse().unwrap(), "hub-b".parse().unwrap()],
            }],
            users_on_two_hubs_count: 1,
            certificates: Vec::new(),
            traffic: TrafficReport::default(),
            tasks: vec![TaskReport {
                name: "probe hub-a hub".to_owned(),
                period_seconds: 5.0,
                last_run_seconds_ago: Some(3),
                last_result: Some("answered".to_owned()),
            }],
        }
    }

    fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access)
    }

    fn operate(&self) -> &dyn Operate {
        &self.fake
    }
}

struct Door {
    address: std::net::SocketAddr,
    view: Arc<View>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

struct Seen {
    status: u16,
    head: String,
    body: String,
}

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Door {
    async fn open(tokens: &[(Role, &str)]) -> Door {
        Door::open_for(Duration::from_secs(60), tokens).await
    }

    async fn open_for(lifetime: Duration, tokens: &[(Role, &str)]) -> Door {
        let tokens: Vec<AdminToken> = tokens
            .iter()
            .map(|(role, token)| AdminToken { role: *role, token: Secret::new((*token).to_owned()) })
            .collect();
        let view = Arc::new(View {
            readiness: Mutex::new(Readiness::Ready),
            access: Arc::new(Access::new(&Admin { tokens, ..Admin::default() })),
            fake: Fake::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shown: Arc<dyn AdminView> = Arc::<View>::clone(&view);
        let served = tokio::spawn(server::serve_for(lifetime, listener, shown, async { _ = stopped.await }));
        Door { address, view, stop, served }
    }

    /// Sends these lines and reads until the door closes.
    async fn raw(&self, request: &str) -> Seen {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        timeout(SOON, stream.read_to_string(&mut text)).await.unwrap().unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Seen { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Seen {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
    }

    async fn get_with(&self, path: &str, authorization: &str) -> Seen {
        let lines = format!("Host: x\r\nConnection: close\r\nAuthorization: {authorization}");
        self.raw(&format!("GET {path} HTTP/1.1\r\n{lines}\r\n\r\n")).await
    }
}

#[tokio::test]
async fn liveness_depends_on_nothing_and_readiness_says_why_not() {
    let door = Door::open(&[(Role::Read, TOKEN)]).await;
    assert_eq!(door.get("/readyz").await.status, 200);

    *door.view.readiness.lock().unwrap() = Readiness::NotReady("shutting down".to_owned());

    let readyz = door.get("/readyz").await;
    assert_eq!((readyz.status, readyz.body.as_str()), (503, "not ready: shutting down\n"));
    assert_eq!(door.get("/livez").await.status, 200);
}

#[tokio::test]
async fn the_status_tells_version_snapshot_config_and_hubs() {
    let door = Door::open(&[]).await;

    let status = door.get("/status").await;

    assert!(status.head.contains("content-type: application/json") && status.head.contains("no-store"));
    let json = status.json();
    assert_eq!((&json["version"], &json["snapshot"]), (&Value::from("9.9.9"), &Value::from(42)));
    assert_eq!(json["readiness"]["ready"], "yes");
    assert_eq!(json["config"]["file"], "hubrouter.yaml");
    let hub = &json["hubs"][0];
    assert_eq!((&hub["id"], &hub["intent"]), (&Value::from("hub-a"), &Value::from("active")));
    assert_eq!(hub["planes"]["hub"]["state"], "down");
    assert_eq!(hub["planes"]["hub"]["reason"], "refused");
    assert_eq!(
        (&hub["spawning"]["state"], &hub["spawning"]["failed"]),
        (&Value::from("failing"), &Value::from(3))
    );
    assert_eq!(hub["counts"]["requests"], 3);
    assert_eq!((&hub["census"]["users"], &hub["census"]["known"]), (&Value::from(12), &Value::from(true)));
    assert_eq!(json["users_on_two_hubs"][0]["hubs"], serde_json::json!(["hub-a", "hub-b"]));
    assert_eq!(json["tasks"][0]["name"], "probe hub-a hub");
    assert_eq!(json["tasks"][0]["last_result"], "answered");
}

#[tokio::test]
async fn without_tokens_reading_is_open_and_with_tokens_it_needs_one() {
    let open = Door::open(&[]).await;
    let closed = Door::open(&[(Role::Admin, "another-token-of-16"), (Role::Read, TOKEN)]).await;

    assert_eq!(open.get("/status").await.status, 200);
    for authorization in
        [format!("Bearer {TOKEN}"), format!("bearer  {TOKEN}"), "Bearer another-token-of-16".into()]
    {
        assert_eq!(closed.get_with("/status", &authorization).await.status, 200, "{authorization}");
    }
    let nameless = closed.get("/status").await;
    assert_eq!((nameless.status, nameless.json()["status"].as_u64()), (401, Some(401)));
    assert!(nameless.head.contains("www-authenticate: bearer"));
    for wrong in ["Bearer a-token-of-the-reade", "Bearer ", "Bearer", "Basic YTpi", TOKEN, "Bearer nonsense"]
    {
        assert_eq!(closed.get_with("/status", wrong).await.status, 401, "{wrong}");
    }
}

#[tokio::test]
async fn whoever_keeps_guessing_is_told_to_wait_and_a_right_token_still_opens() {
    let door = Door::open(&[(Role::Read, TOKEN)]).await;
    for _ in 0..10 {
        assert_eq!(door.get_with("/status", "Bearer wrong").await.status, 401);
    }

    let refused = door.get_with("/status", "Bearer wrong").await;

    assert_eq!(refused.status, 429);
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    assert_eq!(door.get_with("/status", &format!("Bearer {TOKEN}")).await.status, 200);
}

#[tokio::test]
async fn unknown_pages_other_methods_and_metrics_are_refused_with_a_text() {
    let door = Door::open(&[]).await;

    let unknown = door.get("/user/ada/").await;
    assert_eq!((unknown.status, unknown.json()["status"].as_u64()), (404, Some(404)));
    let metrics = door.get("/metrics").await;
    assert!(metrics.status == 404 && metrics.body.contains("no metrics yet"), "{}", metrics.body);
    let post = "POST /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let changed = door.raw(post).await;
    assert!(changed.status == 405 && changed.head.contains("allow: get, head"), "{}", changed.head);
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    let door = Door::open(&[]).await;

    let head = door.raw("HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;

    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_request_head_is_bounded() {
    let door = Door::open(&[]).await;

    let long = door.raw(&format!("GET /livez HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000))).await;
    let many = door.raw(&format!("GET /livez HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100))).await;

    assert_eq!((long.status, many.status), (431, 431));
}

#[tokio::test]
async fn a_connection_ends_after_its_time_whatever_the_client_does() {
    let door = Door::open_for(Duration::from_millis(50), &[]).await;
    let mut idle = TcpStream::connect(door.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();

    let mut text = String::new();
    timeout(SOON, idle.read_to_string(&mut text)).await.unwrap().unwrap();

    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}

#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let door = Door::open(&[]).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(door.address).await.unwrap());
    }

    assert_eq!(door.get("/livez").await.status, 200);
}

#[tokio::test]
async fn the_door_closes_when_told_to_though_a_client_stays() {
    let door = Door::open(&[]).await;
    let _stays = TcpStream::connect(door.address).await.unwrap();
    assert_eq!(door.get("/livez").await.status, 200);

    door.stop.send(()).unwrap();

    timeout(SOON, door.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(door.address).await.is_err());
}
