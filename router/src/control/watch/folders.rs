//! The folders in which a change can make a watched file another one, and the file system's events of them.
//!
//! Which file changed, if any, is found out by comparing prints: an event only wakes whoever compares.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::warn;

/// Symlinks behind one path, as the kernel counts them before it gives up (ELOOP).
const MAX_LINKS: usize = 40;

/// The folders whose entries decide what the files are.
pub(super) struct Folders {
    events: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    /// With device and inode: a folder of the same name may be another one.
    followed: BTreeMap<PathBuf, (u64, u64)>,
    /// Complained about once.
    refused: BTreeSet<PathBuf>,
}

impl Folders {
    /// Nothing is watched yet; without `wanted` nothing ever is.
    pub(super) fn new(wanted: bool) -> Self {
        let events = Arc::new(Notify::new());
        let watcher = if wanted { event_source(&events) } else { None };
        Self { events, watcher, followed: BTreeMap::new(), refused: BTreeSet::new() }
    }

    /// Told of whatever happens in a watched folder.
    pub(super) fn events(&self) -> Arc<Notify> {
        Arc::clone(&self.events)
    }

    /// Watches exactly the folders that these files depend on now.
    pub(super) fn follow<'a>(&mut self, files: impl Iterator<Item = &'a PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted: BTreeMap<PathBuf, (u64, u64)> =
            files.flat_map(|file| folders_of(file)).filter_map(|folder| identity(folder).ok()).collect();
        for (folder, known) in &self.followed {
            if wanted.get(folder) != Some(known) {
                // A folder that is gone has ended its watch by itself.
                let _ = watcher.unwatch(folder);
            }
        }
        self.followed.retain(|folder, known| wanted.get(folder) == Some(known));
        for (folder, identity) in wanted {
            if self.followed.contains_key(&folder) {
                continue;
            }
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.followed.insert(folder, identity);
                }
                Err(error) if self.refused.insert(folder.clone()) => {
                    let folder = folder.display();
                    warn!(
                        "folder `{folder}` cannot be watched: changes there are noticed by looking now and then: {error}"
                    );
                }
                Err(_) => {}
            }
        }
    }
}

fn event_source(events: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let wake = events.clone();
    let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // A file that was opened or closed unread has not changed, and our own reading would wake us.
        let reading =
            |kind| matches!(kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
        if !event.is_ok_and(|event| reading(event.kind)) {
            wake.notify_one();
        }
    });
    made.inspect_err(|error| warn!("no file events: changes are noticed by looking now and then: {error}"))
        .ok()
}

fn identity(folder: PathBuf) -> io::Result<(PathBuf, (u64, u64))> {
    let metadata = std::fs::metadata(&folder)?;
    Ok((folder, (metadata.dev(), metadata.ino())))
}

/// The folders in which something can happen that makes `file` another one: its own, and that of every symlink on the way. Of a
/// path that does not exist yet: the last folder that does.
fn folders_of(file: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    for _ in 0..MAX_LINKS {
        match first_link(&path) {
            Walk::Through(link, led_to) => {
                folders.extend(link.parent().map(Path::to_owned));
                path = led_to;
            }
            Walk::Ends(folder) => {
                folders.insert(folder);
                break;
            }
        }
    }
    folders
}

enum Walk {
    /// The first symlink on the path, and the path with it replaced by where it leads.
    Through(PathBuf, PathBuf),
    /// No symlink: the folder in which the path ends, or stops to exist.
    Ends(PathBuf),
}

fn first_link(path: &Path) -> Walk {
    let mut walked = PathBuf::new();
    let mut components = path.components();
    while let Some(component) = components.next() {
        if component == Component::ParentDir {
            walked.pop(); // links before it have been replaced, so this is what it means
            continue;
        }
        let folder = walked.clone();
        walked.push(component);
        match std::fs::symlink_metadata(&walked) {
            Ok(metadata) if metadata.is_symlink() => {
                let target = std::fs::read_link(&walked).unwrap_or_default();
                return Walk::Through(walked, folder.join(target).join(components.as_path()));
            }
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) | Err(_) => return Walk::Ends(folder),
        }
    }
    Walk::Ends(walked)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_in_a_circle_of_links_ends() {
        let keep = tempfile::tempdir().unwrap();
        let dir = keep.path().canonicalize().unwrap();

        symlink("b", dir.join("a")).unwrap();
        symlink("a", dir.join("b")).unwrap();
        assert_eq!(folders_of(&dir.join("a/file")), BTreeSet::from([dir]));
    }
}
