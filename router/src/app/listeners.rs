//! The public sockets: opened for every thread at once, changed by a reload without touching those that stay.
//!
//! Their certificates are read before anything is changed; connections and handshakes that have begun keep the old ones.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::SystemTime;

use hubrouter_config::{Config, ListenTls, Loaded, PemFile, PublicUrl, Scheme, Standing};
use rustls::server::ProducesTickets;
use tokio::sync::mpsc::UnboundedSender;
use tracing::info;

use super::AppError;
use crate::control::certificates::{self, Showing};
use crate::control::controller::{Listeners, Unopened, Unprepared};
use crate::control::load::Refusal;
use crate::proxy::door::{Door, Manner};
use crate::proxy::listen;
use crate::proxy::redirect::Redirect;
use crate::proxy::worker::Order;

/// The sockets that are open, and the threads that accept on them.
pub(super) struct Sockets {
    workers: Vec<UnboundedSender<Order>>,
    open: Vec<Open>,
    prepared: Option<Prepared>,
    tickets: Arc<dyn ProducesTickets>,
}

/// Which listener: its address, and how many before it have the same; of port 0 there may be several.
type Which = (SocketAddr, usize);

struct Open {
    which: Which,
    door: Arc<Door>,
    /// The certificates in force.
    shown: Option<Shown>,
}

#[derive(Clone)]
struct Shown {
    settings: ListenTls,
    showing: Arc<Showing>,
}

/// Sockets that nobody accepts on yet.
struct Opened {
    which: Which,
    bound: SocketAddr,
    sockets: Vec<TcpListener>,
}

/// What the listeners of a configuration will be.
struct Prepared {
    listeners: Vec<Wanted>,
    /// The site's own address, if that is https.
    site: Option<PublicUrl>,
}

struct Wanted {
    which: Which,
    redirects: bool,
    /// `proxy_protocol`.
    announced: bool,
    h2c: bool,
    shown: Option<Shown>,
}

impl Sockets {
    /// None yet.
    ///
    /// # Errors
    ///
    /// The system has no random bytes.
    pub(super) fn new(workers: Vec<UnboundedSender<Order>>) -> io::Result<Self> {
        Ok(Self { workers, open: Vec::new(), prepared: None, tickets: certificates::tickets()? })
    }

    /// Opens the listeners of a configuration; returns where they are.
    pub(super) fn open_all(&mut self, loaded: &Loaded) -> Result<Vec<SocketAddr>, AppError> {
        self.prepare(&loaded.config).map_err(|Unprepared { key, message, hint }| {
            let problems = vec![loaded.problem_at(&key, message, hint)];
            AppError::Config(Refusal { problems, files: Vec::new() })
        })?;
        let wanted: Vec<SocketAddr> = loaded.config.listen.iter().map(|listen| listen.address).collect();
        self.change(&wanted).map_err(|Unopened { address, source }| AppError::Listen { address, source })?;
        Ok(self.open.iter().map(|open| open.door.bound).collect())
    }

    /// From `127.0.0.1:80` to `0.0.0.0:80` the new one is opened while the old one is still ours.
    fn sockets_on(&self, address: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let beside_ours = self.open.iter().any(|open| open.which.0.port() == address.port());
        let open = if beside_ours { listen::open_beside_ours } else { listen::open };
        open(address, self.workers.len())
    }

    fn open_sockets(&self, which: Which) -> io::Result<Opened> {
        let sockets = self.sockets_on(which.0)?;
        let bound = sockets.first().map_or(Ok(which.0), TcpListener::local_addr)?;
        Ok(Opened { which, bound, sockets })
    }

    fn find(&self, which: Which) -> Option<&Open> {
        self.open.iter().find(|open| open.which == which)
    }

    /// The certificates of a listener; those that did not change go on with their sessions.
    fn read(&self, number: usize, which: Which, settings: &ListenTls) -> Result<Shown, Unprepared> {
        let same =
            self.find(which).and_then(|open| open.shown.as_ref()).filter(|shown| shown.settings == *settings);
        if let Some(shown) = same {
            return Ok(shown.clone());
        }
        let key = |certificate: usize, name: &str| {
            format!("listen[{number}].tls.certificates[{certificate}].{name}")
        };
        let showing = certificates::read(settings, &self.tickets).map_err(|(certificate, unfit)| {
            Unprepared { key: key(certificate, unfit.key), message: unfit.message, hint: unfit.hint }
        })?;
        self.refuse_untimely(settings, &showing).map_err(|(certificate, message)| Unprepared {
            key: key(certificate, "cert"),
            message,
            hint: "the certificates before it stay in force: put one there that is valid today".to_owned(),
        })?;
        Ok(Shown { settings: settings.clone(), showing: Arc::new(showing) })
    }

    /// A router that starts shows what there is. One that runs never exchanges a certificate for one that browsers refuse.
    fn refuse_untimely(&self, settings: &ListenTls, showing: &Showing) -> Result<(), (usize, String)> {
        let in_force = || {
            self.open
                .iter()
                .filter_map(|open| open.shown.as_ref())
                .flat_map(|shown| &shown.settings.certificates)
        };
        let now = SystemTime::now();
        for (number, (pair, ready)) in settings.certificates.iter().zip(&showing.ready).enumerate() {
            let file = pair.cert.path().display();
            let message = match ready.validity.at(now) {
                Standing::Good { .. } => continue,
                _ if self.open.is_empty() || in_force().any(|known| known.cert == pair.cert) => continue,
                Standing::Expired => {
                    format!("{file}: the new certificate expired on {}", ready.validity.not_after)
                }
                Standing::NotYet => {
                    format!("{file}: the new certificate is not valid before {}", ready.validity.not_before)
                }
            };
            return Err((number, message));
        }
        Ok(())
    }

    /// Puts into force what was prepared; listeners that stay keep their sockets and their doors.
    fn enforce(&mut self, prepared: Prepared, mut opened: Vec<Opened>) {
        let mut entries = Vec::new();
        for Wanted { which, redirects, announced, h2c, shown } in prepared.listeners {
            let known = self.open.iter().position(|open| open.which == which);
            let new = opened.iter().position(|opened| opened.which == which);
            let (door, sockets, before) = match (known, new.map(|at| opened.swap_remove(at))) {
                (Some(at), _) => {
                    let before = self.open.swap_remove(at);
                    (before.door, Vec::new(), Some(before.shown))
                }
                (None, Some(new)) => {
                    (Arc::new(Door::new(new.bound, Manner::Plain { h2c })), new.sockets, None)
                }
                // Whoever prepares one configuration and changes to another gets what both have.
                (None, None) => continue,
            };
            door.announce(announced);
            entries.push((Open { which, door, shown }, redirects, h2c, sockets, before));
        }
        let gone = std::mem::take(&mut self.open);
        self.dismiss(gone);
        let redirect = redirect(prepared.site, entries.iter().map(|(entry, ..)| entry)).map(Arc::new);
        for (entry, redirects, h2c, sockets, before) in entries {
            entry.door.change(manner(&entry, redirect.as_ref().filter(|_| redirects), h2c));
            // Said when it is true.
            if let Some(before) = before {
                tell_new(entry.which.0, before.as_ref(), entry.shown.as_ref());
            }
            self.listen(&entry, sockets);
            self.open.push(entry);
        }
    }

    fn listen(&self, entry: &Open, sockets: Vec<TcpListener>) {
        if !sockets.is_empty() {
            info!(address = %entry.which.0, tls = entry.shown.is_some(), "listening");
        }
        for (worker, socket) in self.workers.iter().zip(sockets) {
            // A thread that has ended needs no socket.
            let _ = worker.send(Order::Listen(Arc::clone(&entry.door), socket));
        }
    }

    fn dismiss(&self, gone: Vec<Open>) {
        for gone in gone {
            info!(address = %gone.which.0, "no longer listening");
            for worker in &self.workers {
                let _ = worker.send(Order::Unlisten(Arc::clone(&gone.door)));
            }
        }
    }
}

/// One line for each certificate that takes the place of another.
fn tell_new(address: SocketAddr, before: Option<&Shown>, now: Option<&Shown>) {
    let known = |cert: &PemFile| {
        before.is_some_and(|before| before.settings.certificates.iter().any(|pair| pair.cert == *cert))
    };
    for (pair, ready) in now.iter().flat_map(|now| now.settings.certificates.iter().zip(&now.showing.ready)) {
        if !known(&pair.cert) {
            let (file, names) = (pair.cert.path().display(), ready.names.join(", "));
            info!(%address, %file, %names, not_after = %ready.validity.not_after, "a new certificate is shown");
        }
    }
}

/// Where listeners send on to: the site's address, or the first listener with TLS.
fn redirect<'a>(site: Option<PublicUrl>, open: impl Iterator<Item = &'a Open>) -> Option<Redirect> {
    if let Some(site) = site {
        return Some(Redirect::Site(site));
    }
    let secured: Vec<&Open> = open.filter(|open| open.shown.is_some()).collect();
    let certificates =
        secured.iter().filter_map(|open| open.shown.as_ref()).flat_map(|shown| shown.showing.ready.clone());
    let to = secured.first()?.door.bound;
    Some(Redirect::Certified { to, certificates: certificates.collect() })
}

fn manner(open: &Open, redirect: Option<&Arc<Redirect>>, h2c: bool) -> Manner {
    match (&open.shown, redirect) {
        (Some(shown), _) => Manner::Tls(Arc::clone(&shown.showing.config)),
        (None, Some(redirect)) => Manner::Redirect { to: Arc::clone(redirect), h2c },
        (None, None) => Manner::Plain { h2c },
    }
}

/// The addresses, each with its number among those that are the same.
fn numbered(addresses: impl Iterator<Item = SocketAddr>) -> Vec<Which> {
    let mut numbered: Vec<Which> = Vec::new();
    for address in addresses {
        let before = numbered.iter().filter(|(other, _)| *other == address).count();
        numbered.push((address, before));
    }
    numbered
}

impl Listeners for Sockets {
    fn prepare(&mut self, config: &Config) -> Result<(), Unprepared> {
        let mut listeners = Vec::new();
        let which = numbered(config.listen.iter().map(|listen| listen.address));
        for (number, (listen, which)) in config.listen.iter().zip(which).enumerate() {
            let shown = listen.tls.as_ref().map(|tls| self.read(number, which, tls)).transpose()?;
            let (redirects, announced, h2c) = (listen.redirect_to_https, listen.proxy_protocol, listen.h2c);
            listeners.push(Wanted { which, redirects, announced, h2c, shown });
        }
        let site = config.site.public_url.clone().filter(|url| url.scheme() == Scheme::Https);
        self.prepared = Some(Prepared { listeners, site });
        Ok(())
    }

    fn change(&mut self, wanted: &[SocketAddr]) -> Result<(), Unopened> {
        // Everything new is opened before anything is given to a thread: a refusal changes nothing.
        let mut opened = Vec::new();
        for which in numbered(wanted.iter().copied()).into_iter().filter(|which| self.find(*which).is_none())
        {
            opened.push(self.open_sockets(which).map_err(|source| Unopened { address: which.0, source })?);
        }
        if let Some(prepared) = self.prepared.take() {
            self.enforce(prepared, opened);
        }
        Ok(())
    }
}
