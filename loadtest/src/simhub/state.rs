//! The hub's own database: users, servers, tokens, OAuth codes, groups, and the proxy's routes.
//!
//! Plain data and its rules; requests are read and answered elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::options::{SimHubOptions, TokenOwner};
use super::sharing::Sharing;
use super::singleuser::Process;
use super::text::{quote_client, quote_segment, random_hex};

/// Everything the hub remembers; it survives the hub's and the proxy's death.
pub(crate) struct Data {
    /// In the order of their ids.
    pub(crate) users: Vec<User>,
    next_user: u64,
    next_token: u64,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) groups: BTreeMap<String, BTreeSet<String>>,
    pub(crate) sharing: Sharing,
    /// The proxy's table: decoded path, such as `/user/ada`, to what serves it.
    pub(crate) routes: BTreeMap<String, Target>,
    /// Whether the hub has put the route to itself there. Without it the proxy's default target is the hub all the same.
    pub(crate) hub_routed: bool,
}

/// What the proxy forwards to.
#[derive(Clone)]
pub(crate) enum Target {
    Server(Arc<Process>),
    Service(String),
}

/// A user's row.
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) admin: bool,
    /// What the login cookie holds: random for each row.
    pub(crate) cookie_id: String,
    pub(crate) created: SystemTime,
    pub(crate) last_activity: Option<SystemTime>,
    /// Servers by name; the default server's name is empty.
    pub(crate) servers: BTreeMap<String, Server>,
}

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// Known, not running.
    Stopped,
    /// Asked to start, not ready.
    Pending,
    /// Running.
    Ready,
    /// Asked to stop, not gone.
    Stopping,
}

/// A server's row.
pub(crate) struct Server {
    pub(crate) state: ServerState,
    /// Counts the starts, so that a late timer does not end a later start.
    pub(crate) start: u64,
    pub(crate) started: Option<SystemTime>,
    pub(crate) last_activity: Option<SystemTime>,
    pub(crate) display_name: String,
    /// Null until it is started for the first time.
    pub(crate) user_options: Value,
    pub(crate) process: Option<Arc<Process>>,
}

impl Server {
    pub(crate) fn new(name: &str) -> Server {
        Server {
            display_name: name.to_owned(),
            state: ServerState::Stopped,
            start: 0,
            started: None,
            last_activity: None,
            user_options: Value::Null,
            process: None,
        }
    }

    /// Pending, ready or stopping.
    pub(crate) fn active(&self) -> bool {
        self.state != ServerState::Stopped
    }

    /// The API's word for what is under way.
    pub(crate) fn pending(&self) -> Option<&'static str> {
        match self.state {
            ServerState::Pending => Some("spawn"),
            ServerState::Stopping => Some("stop"),
            ServerState::Stopped | ServerState::Ready => None,
        }
    }
}

impl User {
    /// The default server's address: `<base>user/<name>/`.
    pub(crate) fn url(&self, base: &str) -> String {
        format!("{base}user/{}/", quote_segment(&self.name))
    }

    /// A server's address.
    pub(crate) fn server_url(&self, base: &str, server: &str) -> String {
        match server {
            "" => self.url(base),
            server => format!("{}{}/", self.url(base), quote_segment(server)),
        }
    }

    /// Whether the default server runs.
    pub(crate) fn state_of(&self, server: &str) -> ServerState {
        self.servers.get(server).map_or(ServerState::Stopped, |server| server.state)
    }

    /// Whether any server is active.
    pub(crate) fn active(&self) -> bool {
        self.servers.values().any(Server::active)
    }
}

/// An API token: somebody's, a server's own, or given out by OAuth.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) owner: TokenOwner,
    /// Empty: those of the owner.
    pub(crate) scopes: Vec<String>,
    /// The login session that an OAuth token belongs to, ended with it.
    pub(crate) session_id: Option<String>,
    pub(crate) client: String,
    pub(crate) note: String,
    pub(crate) created: SystemTime,
    pub(crate) last_activity: Option<SystemTime>,
    pub(crate) expires_at: Option<SystemTime>,
}

impl Token {
    /// The name of the user or service.
    pub(crate) fn owner_name(&self) -> &str {
        match &self.owner {
            TokenOwner::User(name) | TokenOwner::Service(name) => name,
        }
    }
}

/// An OAuth code on its way from `authorize` to `token`.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) session_id: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) until: Instant,
}

/// How long an OAuth code is good for.
const CODE_LIFETIME: Duration = Duration::from_secs(600);

impl Data {
    pub(crate) fn new(options: &SimHubOptions) -> Data {
        let mut data = Data {
            users: Vec::new(),
            next_user: 1,
            next_token: 1,
            tokens: HashMap::new(),
            codes: HashMap::new(),
            groups: BTreeMap::new(),
            sharing: Sharing::default(),
            routes: BTreeMap::new(),
            hub_routed: false,
        };
        for name in options.admins.iter().chain(&options.users) {
            data.user_or_new(name).admin |= options.admins.contains(name);
        }
        for (group, members) in &options.groups {
            for name in members {
                data.user_or_new(name);
            }
            data.groups.insert(group.clone(), members.iter().cloned().collect());
        }
        for given in &options.api_tokens {
            if let TokenOwner::User(name) = &given.owner {
                data.user_or_new(name);
            }
            let made = data.new_token(given.owner.clone(), "jupyterhub", "generated at startup");
            let token = Token { scopes: given.scopes.clone(), ..made };
            data.tokens.insert(given.token.clone(), token);
        }
        data
    }

    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(crate) fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.name == name)
    }

    /// The user of that name, made if there is none.
    pub(crate) fn user_or_new(&mut self, name: &str) -> &mut User {
        let found = self.users.iter().position(|user| user.name == name);
        let index = found.unwrap_or_else(|| {
            self.users.push(User {
                id: self.next_user,
                name: name.to_owned(),
                admin: false,
                cookie_id: random_hex(16),
                created: SystemTime::now(),
                last_activity: None,
                servers: BTreeMap::new(),
            });
            self.next_user += 1;
            self.users.len() - 1
        });
        &mut self.users[index]
    }

    /// Forgets a user, their tokens and their places in groups.
    pub(crate) fn remove_user(&mut self, name: &str) {
        self.users.retain(|user| user.name != name);
        self.tokens.retain(|_, token| token.owner != TokenOwner::User(name.to_owned()));
        for members in self.groups.values_mut() {
            members.remove(name);
        }
    }

    /// A token's row with the next id; it is not yet kept.
    pub(crate) fn new_token(&mut self, owner: TokenOwner, client: &str, note: &str) -> Token {
        let id = format!("a{}", self.next_token);
        self.next_token += 1;
        Token {
            id,
            owner,
            scopes: Vec::new(),
            session_id: None,
            client: client.to_owned(),
            note: note.to_owned(),
            created: SystemTime::now(),
            last_activity: None,
            expires_at: None,
        }
    }

    /// A valid token's row; its use is noted.
    pub(crate) fn use_token(&mut self, text: &str) -> Option<Token> {
        let now = SystemTime::now();
        let token = self.tokens.get_mut(text)?;
        if token.expires_at.is_some_and(|end| end <= now) {
            self.tokens.remove(text);
            return None;
        }
        token.last_activity = Some(now);
        Some(token.clone())
    }

    /// Keeps an OAuth code and returns its text.
    pub(crate) fn new_code(&mut self, user: &str, client: &str, redirect_uri: &str) -> (String, &mut Code) {
        let text = random_hex(15);
        let code = Code {
            user: user.to_owned(),
            client: client.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            session_id: None,
            challenge: None,
            until: Instant::now() + CODE_LIFETIME,
        };
        let kept = self.codes.entry(text.clone()).or_insert(code);
        (text, kept)
    }

    /// Takes an OAuth code: it works once.
    pub(crate) fn take_code(&mut self, text: &str) -> Option<Code> {
        self.codes.remove(text).filter(|code| code.until > Instant::now())
    }

    /// How many servers are pending, and how many are active.
    pub(crate) fn load(&self) -> (usize, usize) {
        let servers = || self.users.iter().flat_map(|user| user.servers.values());
        let pending = servers().filter(|server| server.state == ServerState::Pending).count();
        (pending, servers().filter(|server| server.active()).count())
    }
}

/// The OAuth client id of a server, which is its login cookie's name too.
pub(crate) fn client_id(user: &str, server: &str) -> String {
    match server {
        "" => format!("jupyterhub-user-{}", quote_client(user)),
        server => format!("jupyterhub-user-{}-{}", quote_client(user), quote_client(server)),
    }
}
