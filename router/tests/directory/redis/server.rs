//! A real redis-server on a free port of the loopback interface, ended by its process id.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hubrouter_config::RedisDirectory;
use redis::Value;

/// Longer than a loaded machine needs to start a server.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// One server with a folder of its own.
pub struct Server {
    pub port: u16,
    folder: tempfile::TempDir,
    settings: Vec<String>,
    sentinel: bool,
    process: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl Server {
    /// A server without password and TLS.
    pub async fn plain() -> Self {
        Self::with(free_port(), &[]).await
    }

    /// A server with further lines in its configuration. `{folder}` stands for its folder.
    pub async fn with(port: u16, settings: &[&str]) -> Self {
        let mut server = Self::prepared(port, settings);
        server.begin().await;
        server
    }

    /// A server that is not started yet.
    pub fn prepared(port: u16, settings: &[&str]) -> Self {
        let settings = settings.iter().map(ToString::to_string).collect();
        Self { port, folder: tempfile::tempdir().unwrap(), settings, sentinel: false, process: None }
    }

    /// A sentinel.
    pub async fn sentinel(settings: &[&str]) -> Self {
        let mut server = Self::prepared(free_port(), settings);
        server.sentinel = true;
        server.begin().await;
        server
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The file that it saves to and starts from.
    pub fn dump(&self) -> PathBuf {
        self.folder.path().join("dump.rdb")
    }

    /// The directory here, without password and TLS.
    pub fn config(&self) -> RedisDirectory {
        RedisDirectory {
            url: Some(format!("redis://127.0.0.1:{}", self.port)),
            sentinels: Vec::new(),
            master: None,
            username: None,
            password: None,
            sentinel_password: None,
            tls: None,
            prefix: "site-1".to_owned(),
        }
    }

    /// Starts the process and waits until it listens.
    pub async fn begin(&mut self) {
        let program = std::env::var_os("HUBROUTER_REDIS_SERVER").expect(
            "HUBROUTER_REDIS_SERVER names the program redis-server: run `cargo xtask test --only redis`",
        );
        let folder = self.folder().display().to_string();
        let file = self.folder.path().join("redis.conf");
        let mut text = format!("dir {folder}\nbind 127.0.0.1\ndaemonize no\n");
        if !self.settings.iter().any(|line| line.starts_with("port ")) {
            text += &format!("port {}\n", self.port);
        }
        if !self.sentinel {
            text += "save \"\"\nappendonly no\n";
        }
        for line in &self.settings {
            text += &format!("{}\n", line.replace("{folder}", &folder));
        }
        std::fs::write(&file, text).unwrap();
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg(&file);
        if self.sentinel {
            command.arg("--sentinel");
        }
        let process = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        self.process = Some(process.expect("redis-server starts"));
        self.listens().await;
    }

    async fn listens(&mut self) {
        let began = Instant::now();
        loop {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            if ended.is_some() || began.elapsed() > STARTS_WITHIN {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("redis-server does not listen ({ended:?}):\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills the process; what it has not saved is lost.
    pub fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends a signal, by its option of the program `kill`.
    pub fn signal(&self, name: &str) {
        let pid = self.process.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// One command, past the store.
    pub async fn command(&self, words: &[&str]) -> Value {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.bytes(&words).await
    }

    /// One command of any bytes.
    pub async fn bytes(&self, words: &[&[u8]]) -> Value {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query_async(&mut connection).await.unwrap()
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
