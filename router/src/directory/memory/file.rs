//! The file of a directory in memory: written whole, atomically, on every change; read strictly.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hubrouter_config::HubId;
use serde::{Deserialize, Serialize};

use super::super::entry::{Entry, Value};
use super::super::identity::{Fingerprint, Identity};
use super::super::key::Key;
use super::state::State;
use crate::core::life::records::Epoch;
use crate::core::life::time::StoreTime;

/// What such a file says of itself.
const FORMAT: &str = "hubrouter directory 1";

/// Why a directory's file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read, or its folder not written to.
    #[error("{}: {source}", file.display())]
    Io {
        /// Which file or folder.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("{}: another process has this directory open: a directory in a file is for one router", file.display())]
    Taken {
        /// Which file.
        file: PathBuf,
    },
    /// It holds something else, or only a part.
    #[error("{}: not a whole directory: {reason}. Put a copy back, or move the file away to begin with an empty directory", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A file was not replaced.
#[derive(Debug)]
pub(super) enum NotReplaced {
    /// It is the one from before.
    Untouched(io::Error),
    /// It may be the new one, or be the one from before after a loss of power.
    Perhaps(io::Error),
}

/// Where the text of a directory is kept.
pub(super) trait Disk: Send + Sync {
    /// Makes `text` what is kept, whole or not at all.
    fn replace(&self, text: &[u8]) -> Result<(), NotReplaced>;
}

/// A file of this machine.
pub(super) struct LocalFile {
    file: PathBuf,
    folder: PathBuf,
    /// Held as long as this lives; the operating system lets go of it when the process ends, however it does.
    _lock: File,
}

impl LocalFile {
    /// The file and what it holds.
    pub(super) fn open(file: &Path) -> Result<(Self, State), OpenError> {
        let problem = |file: &Path| {
            let file = file.to_owned();
            move |source| OpenError::Io { file, source }
        };
        let file = std::path::absolute(file).map_err(problem(file))?;
        let folder = file.parent().unwrap_or(&file).to_owned();
        // A file of its own: the directory's is replaced by each change.
        let locked = with_ending(&file, "lock");
        let lock = private().write(true).create(true).open(&locked).map_err(problem(&locked))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Taken { file }),
            Err(TryLockError::Error(source)) => return Err(OpenError::Io { file: locked, source }),
        }
        let state = match fs::read(&file) {
            Ok(bytes) => State::of_file(&bytes)
                .map_err(|reason| OpenError::Unreadable { file: file.clone(), reason })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(source) => return Err(OpenError::Io { file, source }),
        };
        Ok((Self { file, folder, _lock: lock }, state))
    }

    fn write_beside(&self, text: &[u8]) -> io::Result<PathBuf> {
        let beside = with_ending(&self.file, "new");
        let mut new = private().write(true).create(true).truncate(true).open(&beside)?;
        new.write_all(text)?;
        new.sync_all()?;
        Ok(beside)
    }
}

impl Disk for LocalFile {
    fn replace(&self, text: &[u8]) -> Result<(), NotReplaced> {
        let beside = self.write_beside(text).map_err(NotReplaced::Untouched)?;
        fs::rename(beside, &self.file).map_err(NotReplaced::Untouched)?;
        // The new name is on the disk only when its folder is.
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(NotReplaced::Perhaps)
    }
}

/// Names of users are nobody else's business.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    fingerprint: Option<Fingerprint>,
    hubs: Vec<String>,
    counter: Epoch,
    time: StoreTime,
    entries: Vec<WrittenEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    kind: String,
    name: String,
    epoch: Epoch,
    written_at: StoreTime,
    /// Its JSON as a text, so that it comes back to the byte; absent for a deletion.
    value: Option<String>,
}

impl State {
    /// What lasts, as the text of a file.
    pub(super) fn to_file(&self) -> String {
        let entries = self.entries.values().map(|entry| {
            let (kind, name) = entry.key.parts();
            WrittenEntry {
                kind: kind.to_owned(),
                name: name.to_owned(),
                epoch: entry.epoch,
                written_at: entry.written_at,
                value: entry.value.as_ref().map(|value| value.as_str().to_owned()),
            }
        });
        let hubs = self.identity.iter().flat_map(|identity| &identity.hubs);
        let written = Written {
            format: FORMAT.to_owned(),
            fingerprint: self.identity.as_ref().map(|identity| identity.fingerprint.clone()),
            hubs: hubs.map(ToString::to_string).collect(),
            counter: self.counter,
            time: self.latest,
            entries: entries.collect(),
        };
        serde_json::to_string_pretty(&written).expect("texts and numbers are JSON")
    }

    /// What a file says, or why that is no directory.
    fn of_file(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("it is empty".to_owned());
        }
        let written: Written = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if written.format != FORMAT {
            return Err(format!("its format is `{}`, not `{FORMAT}`", written.format.escape_debug()));
        }
        let mut entries = BTreeMap::new();
        for (at, written_entry) in written.entries.into_iter().enumerate() {
            let entry = written_entry
                .read()
                .ok_or_else(|| format!("its entry {} holds what no entry may", at + 1))?;
            if entry.epoch > written.counter || entries.insert(entry.key.clone(), entry).is_some() {
                return Err(format!("its entry {} is later than the counter, or there twice", at + 1));
            }
        }
        let hubs: Result<_, _> = written.hubs.iter().map(|hub| hub.parse::<HubId>()).collect();
        let hubs = hubs.map_err(|error| error.to_string())?;
        let identity = written.fingerprint.map(|fingerprint| Identity { fingerprint, hubs });
        Ok(Self { identity, counter: written.counter, entries, latest: written.time, ..Self::default() })
    }
}

impl WrittenEntry {
    fn read(self) -> Option<Entry> {
        let value = match self.value {
            Some(text) => Some(Value::parse(&text)?),
            None => None,
        };
        let key = Key::new(&self.kind, &self.name)?;
        Some(Entry { key, epoch: self.epoch, written_at: self.written_at, value })
    }
}
