//! The directory that the configuration names, and this process' name in it.

use std::sync::Arc;

use hubrouter_config::Directory as Settings;

use super::AppError;
use crate::directory::{Fingerprint, Memory, RedisStore, ReplicaId, Store};

/// The directory of this process.
pub(super) struct Directory {
    pub store: Arc<dyn Store>,
    /// Whether other processes may read it.
    pub is_shared: bool,
    /// This process.
    pub me: ReplicaId,
    /// A mark for it, should this process found it.
    pub fresh: Fingerprint,
}

/// Opens it; Redis is connected to when it is first asked.
///
/// # Errors
///
/// The file is none, or in use; an address or a certificate of Redis cannot be used.
pub(super) fn open(settings: &Settings) -> Result<Directory, AppError> {
    let unusable = |error: &dyn std::fmt::Display| AppError::Directory(error.to_string());
    let (store, is_shared): (Arc<dyn Store>, bool) = match settings {
        Settings::Memory { file: None } => (Arc::new(Memory::new(Memory::system_clock())), false),
        Settings::Memory { file: Some(file) } => {
            let memory = Memory::open(file, Memory::system_clock()).map_err(|error| unusable(&error))?;
            (Arc::new(memory), false)
        }
        Settings::Redis(redis) => (Arc::new(RedisStore::new(redis).map_err(|error| unusable(&error))?), true),
    };
    let (mut replica, mut fresh) = ([0; 8], [0; 16]);
    getrandom::fill(&mut replica).map_err(std::io::Error::other)?;
    getrandom::fill(&mut fresh).map_err(std::io::Error::other)?;
    Ok(Directory { store, is_shared, me: ReplicaId::of(replica), fresh: Fingerprint::of(fresh) })
}
