//! Where things are: the repository, and the folder for everything that is installed or produced beside it.

use std::path::{Path, PathBuf};

/// The folders of one checkout.
pub struct Places {
    /// The top of the repository.
    pub root: PathBuf,
    /// Installed parts and their output: `.parts` at the top, or `$HUBROUTER_PARTS`. Not under version control.
    pub parts: PathBuf,
}

impl Places {
    /// Finds them from what cargo tells a program that it runs.
    ///
    /// # Errors
    ///
    /// A sentence for the person at the keyboard when this was not started by cargo.
    pub fn find() -> Result<Self, String> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .ok_or("start this with `cargo xtask`: it learns from cargo where the repository is")?;
        let root =
            Path::new(&package).parent().ok_or("xtask lies in a folder of the repository")?.to_path_buf();
        let parts = match std::env::var_os("HUBROUTER_PARTS") {
            Some(folder) => std::path::absolute(folder).map_err(|error| error.to_string())?,
            None => root.join(".parts"),
        };
        Ok(Self { root, parts })
    }

    /// The scripts and pinned versions of the real-hub run.
    pub fn scripts(&self) -> PathBuf {
        self.root.join("xtask/real")
    }

    /// Logs, pictures and hub state of the last real-hub run.
    pub fn output(&self) -> PathBuf {
        self.parts.join("real")
    }

    /// The packages of the Node side, beside their manifest.
    pub fn node(&self) -> PathBuf {
        self.parts.join("node")
    }
}
