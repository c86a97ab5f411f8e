//! Where secrets and files come from: the process in earnest, a table in tests.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// The world outside the configuration file.
pub trait Sources {
    /// The environment variable `name`, if it is set and is UTF-8.
    fn env(&self, name: &str) -> Option<String>;

    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// Whatever the file system says; it becomes a problem at the key that names the file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What stands in for the secret or the file named at `key` (such as `session.keys[0].env`) when it is empty or
    /// cannot be had. Nothing by default: then that is a problem.
    fn stand_in(&self, _key: &str) -> Option<Vec<u8>> {
        None
    }
}

/// The environment and the file system of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessSources;

impl Sources for ProcessSources {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// A fixed world, for tests and for `demo`: what is not in it does not exist.
#[derive(Debug, Clone, Default)]
pub struct FixedSources {
    /// Environment variables by name.
    pub env: HashMap<String, String>,
    /// Files by path.
    pub files: HashMap<PathBuf, Vec<u8>>,
}

impl Sources for FixedSources {
    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
