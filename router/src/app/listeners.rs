//! The public sockets: opened for every thread at once, changed by a reload without touching those that stay.

use std::io;
use std::net::SocketAddr;

use hubrouter_config::Config;
use tokio::sync::mpsc::UnboundedSender;
use tracing::info;

use super::AppError;
use crate::control::controller::{Listeners, Unopened};
use crate::proxy::listen;
use crate::proxy::worker::Order;

/// The sockets that are open, and the threads that accept on them.
pub(super) struct Sockets {
    workers: Vec<UnboundedSender<Order>>,
    open: Vec<SocketAddr>,
}

impl Sockets {
    pub(super) fn new(workers: Vec<UnboundedSender<Order>>) -> Self {
        Self { workers, open: Vec::new() }
    }

    /// Opens the listeners of `config`; returns where they are.
    pub(super) fn open_all(&mut self, config: &Config) -> Result<Vec<SocketAddr>, AppError> {
        let mut addresses = Vec::new();
        for listen in &config.listen {
            let address = listen.address;
            addresses.push(self.open(address).map_err(|source| AppError::Listen { address, source })?);
        }
        Ok(addresses)
    }

    fn open(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let sockets = self.sockets_on(address)?;
        let bound = sockets.first().map_or(Ok(address), std::net::TcpListener::local_addr)?;
        for (worker, socket) in self.workers.iter().zip(sockets) {
            // A thread that has ended needs no socket.
            let _ = worker.send(Order::Listen(address, socket));
        }
        self.open.push(address);
        Ok(bound)
    }

    /// From `127.0.0.1:80` to `0.0.0.0:80` the new one is opened while the old one is still ours.
    fn sockets_on(&self, address: SocketAddr) -> io::Result<Vec<std::net::TcpListener>> {
        let beside_ours = self.open.iter().any(|open| open.port() == address.port());
        let open = if beside_ours { listen::open_beside_ours } else { listen::open };
        open(address, self.workers.len())
    }
}

impl Listeners for Sockets {
    fn change(&mut self, wanted: &[SocketAddr]) -> Result<(), Unopened> {
        let new: Vec<SocketAddr> =
            wanted.iter().filter(|address| !self.open.contains(address)).copied().collect();
        // Everything new is opened before anything is given to a thread: a refusal changes nothing.
        let mut opened = Vec::new();
        for address in new {
            let sockets = self.sockets_on(address);
            opened.push((address, sockets.map_err(|source| Unopened { address, source })?));
        }
        for (address, sockets) in opened {
            info!(%address, "listening");
            for (worker, socket) in self.workers.iter().zip(sockets) {
                let _ = worker.send(Order::Listen(address, socket));
            }
            self.open.push(address);
        }
        let gone: Vec<SocketAddr> =
            self.open.iter().filter(|address| !wanted.contains(address)).copied().collect();
        for address in gone {
            info!(%address, "no longer listening");
            for worker in &self.workers {
                let _ = worker.send(Order::Unlisten(address));
            }
            self.open.retain(|open| *open != address);
        }
        Ok(())
    }
}
