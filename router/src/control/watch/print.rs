//! What a path leads to, to be compared with what it led to before.
//!
//! Nothing is read: which file it is, how long, and when it changed tell enough.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a path leads to: which file, and in which state. A file that is not there has a print as well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Print {
    path: Option<PathBuf>,
    state: Option<State>,
}

/// Size and times with nanoseconds. The time of change covers permissions: a file may become readable.
#[derive(Debug, PartialEq, Eq)]
struct State {
    device_and_inode: (u64, u64),
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Print {
    pub(super) fn of(file: &Path) -> Self {
        let state = std::fs::metadata(file).ok().map(|metadata| State {
            device_and_inode: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        });
        Self { path: file.canonicalize().ok(), state }
    }
}
