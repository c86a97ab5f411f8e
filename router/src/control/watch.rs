//! Notices that the configuration changed on disk: the file itself, and every secret and certificate that it names.
//!
//! Folders are watched rather than files: editors replace a file by renaming over it, and Kubernetes swaps a symlink (`..data`)
//! beside a file that never changes itself. What the file system reports only wakes the watcher; whether anything changed is
//! told by comparing what each path leads to, which is also done now and then where no events are to be had. Reading and
//! judging the files is the reloader's.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};
use tracing::warn;

/// Symlinks behind one path, as the kernel counts them before it gives up (ELOOP).
const MAX_LINKS: usize = 40;

/// How patient the watcher is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Quiet time after the last event before files are compared: writers take several steps.
    pub settle: Duration,
    /// Time after the first event when they are compared at the latest, in a folder that is never quiet.
    pub settle_at_most: Duration,
    /// Time between two comparisons that nobody asked for.
    pub poll: Duration,
    /// Whether to ask the file system for events at all.
    pub events: bool,
}

/// 250 ms, 2 s, 10 s, with events.
impl Default for Patience {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(250),
            settle_at_most: Duration::from_secs(2),
            poll: Duration::from_secs(10),
            events: true,
        }
    }
}

/// Files that changed since they were compared last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// As they were named to the watcher.
    pub files: Vec<PathBuf>,
}

/// A running watch. It ends when this and its senders are dropped.
#[derive(Debug)]
pub struct Watcher {
    files: watch::Sender<Vec<PathBuf>>,
}

impl Watcher {
    /// Begins to watch `files` in a background task of the current runtime. Start it before the first load, with the path of the
    /// configuration file: then no change falls between loading and watching.
    ///
    /// Changes that come while the receiver is busy are told as one.
    #[must_use]
    pub fn start(files: Vec<PathBuf>, patience: Patience) -> (Self, mpsc::Receiver<Changed>) {
        let prints = files.into_iter().map(|file| (file.clone(), Print::of(&file))).collect();
        let (sender, watched) = watch::channel(Vec::new());
        let (told, changes) = mpsc::channel(1);
        let mut task = Task { prints, watched, told, folders: Folders::new(patience.events), patience };
        task.folders.follow(task.prints.keys());
        tokio::spawn(task.run());
        (Self { files: sender }, changes)
    }

    /// Watches these files from now on, usually after a load that named others. Files that were watched before are compared
    /// with what they were then, so a change during the load is not lost.
    pub fn watch(&self, files: Vec<PathBuf>) {
        self.files.send_replace(files);
    }

    /// The same as [`Watcher::watch`] for whoever reloads: what is sent there is watched from now on. The watch lasts as long as
    /// one of both.
    #[must_use]
    pub fn sender(&self) -> watch::Sender<Vec<PathBuf>> {
        self.files.clone()
    }
}

/// What runs in the background.
struct Task {
    prints: BTreeMap<PathBuf, Print>,
    watched: watch::Receiver<Vec<PathBuf>>,
    told: mpsc::Sender<Changed>,
    folders: Folders,
    patience: Patience,
}

impl Task {
    async fn run(mut self) {
        let mut poll = interval(self.patience.poll);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        poll.reset();
        let events = self.folders.events.clone();
        loop {
            tokio::select! {
                _ = poll.tick() => {}
                () = events.notified() => self.settle(&events).await,
                named = self.watched.changed() => match named {
                    Ok(()) => self.rename(),
                    Err(_) => return, // the watcher was dropped
                },
            }
            let changed = self.compare();
            if !changed.is_empty() && self.told.send(Changed { files: changed }).await.is_err() {
                return; // nobody listens any more
            }
        }
    }

    /// Waits until the file system has been quiet for a moment, but not for ever.
    async fn settle(&self, events: &Notify) {
        let latest = Instant::now() + self.patience.settle_at_most;
        loop {
            let quiet = Instant::now() + self.patience.settle;
            if quiet >= latest {
                return sleep_until(latest).await;
            }
            if timeout_at(quiet, events.notified()).await.is_err() {
                return;
            }
        }
    }

    /// Takes the new list of files; those that stay keep what is known of them.
    fn rename(&mut self) {
        let files = self.watched.borrow_and_update().clone();
        let mut before = std::mem::take(&mut self.prints);
        let print = |file: PathBuf| {
            let print = before.remove(&file).unwrap_or_else(|| Print::of(&file));
            (file, print)
        };
        self.prints = files.into_iter().map(print).collect();
    }

    /// The files that are not what they were. Links may lead elsewhere now, so the folders are looked up again, too; folders
    /// first, or a change in between would be missed.
    fn compare(&mut self) -> Vec<PathBuf> {
        self.folders.follow(self.prints.keys());
        let mut changed = Vec::new();
        for (file, known) in &mut self.prints {
            let print = Print::of(file);
            if *known != print {
                *known = print;
                changed.push(file.clone());
            }
        }
        changed
    }
}

/// What a path leads to: which file, and in which state. A file that is not there has a print as well.
#[derive(Debug, PartialEq, Eq)]
struct Print {
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
    fn of(file: &Path) -> Self {
        let state = std::fs::metadata(file).ok().map(|metadata| State {
            device_and_inode: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        });
        Self { path: file.canonicalize().ok(), state }
    }
}

/// The folders whose entries decide what the files are.
struct Folders {
    events: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    /// With device and inode: a folder of the same name may be another one.
    followed: BTreeMap<PathBuf, (u64, u64)>,
    /// Complained about once.
    refused: BTreeSet<PathBuf>,
}

impl Folders {
    fn new(wanted: bool) -> Self {
        let events = Arc::new(Notify::new());
        let watcher = if wanted { event_source(&events) } else { None };
        Self { events, watcher, followed: BTreeMap::new(), refused: BTreeSet::new() }
    }

    /// Watches exactly the folders that these files depend on now.
    fn follow<'a>(&mut self, files: impl Iterator<Item = &'a PathBuf>) {
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
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::slice;

    use tempfile::TempDir;
    use tokio::time::timeout;

    use super::*;

    const QUICK: Patience = Patience {
        settle: Duration::from_millis(30),
        settle_at_most: Duration::from_millis(300),
        poll: Duration::from_secs(3600),
        events: true,
    };

    fn folder() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    async fn next(changes: &mut mpsc::Receiver<Changed>) -> Vec<PathBuf> {
        timeout(Duration::from_secs(10), changes.recv()).await.expect("a change within 10 s").unwrap().files
    }

    async fn nothing(changes: &mut mpsc::Receiver<Changed>) -> bool {
        timeout(Duration::from_millis(500), changes.recv()).await.is_err()
    }

    #[tokio::test]
    async fn a_file_that_is_written_is_noticed_once() {
        let (_keep, dir) = folder();
        let file = dir.join("hubrouter.yaml");
        fs::write(&file, "one").unwrap();
        let (_watcher, mut changes) = Watcher::start(vec![file.clone()], QUICK);

        fs::write(&file, "two").unwrap();
        fs::write(&file, "three").unwrap();

        assert_eq!(next(&mut changes).await, [file]);
        assert!(nothing(&mut changes).await);
    }

    #[tokio::test]
    async fn an_editor_that_renames_over_the_file_is_noticed() {
        let (_keep, dir) = folder();
        let file = dir.join("hubrouter.yaml");
        fs::write(&file, "same").unwrap();
        let (_watcher, mut changes) = Watcher::start(vec![file.clone()], QUICK);

        for _ in 0..2 {
            fs::write(dir.join(".new"), "same").unwrap();
            fs::rename(dir.join(".new"), &file).unwrap();
            assert_eq!(next(&mut changes).await, slice::from_ref(&file));
        }
    }

    #[tokio::test]
    async fn the_symlink_swap_of_kubernetes_is_noticed_each_time() {
        let (_keep, dir) = folder();
        let release = |name: &str, text: &str| {
            fs::create_dir(dir.join(name)).unwrap();
            fs::write(dir.join(name).join("hubrouter.yaml"), text).unwrap();
            symlink(name, dir.join("..data_tmp")).unwrap();
            fs::rename(dir.join("..data_tmp"), dir.join("..data")).unwrap();
        };
        release("..2026_1", "one");
        let file = dir.join("hubrouter.yaml");
        symlink("..data/hubrouter.yaml", &file).unwrap();
        let (_watcher, mut changes) = Watcher::start(vec![file.clone()], QUICK);

        for (name, before) in [("..2026_2", "..2026_1"), ("..2026_3", "..2026_2")] {
            release(name, "next");
            fs::remove_dir_all(dir.join(before)).unwrap();
            assert_eq!(next(&mut changes).await, slice::from_ref(&file));
        }
        assert!(nothing(&mut changes).await);
    }

    #[tokio::test]
    async fn a_link_to_a_folder_elsewhere_is_followed() {
        let (_keep, dir) = folder();
        let (_keep_too, elsewhere) = folder();
        for release in ["r1", "r2"] {
            fs::create_dir(elsewhere.join(release)).unwrap();
            fs::write(elsewhere.join(release).join("key"), release).unwrap();
        }
        symlink("r1", elsewhere.join("current")).unwrap();
        symlink(elsewhere.join("current"), dir.join("secrets")).unwrap();
        let file = dir.join("secrets/key");
        let (_watcher, mut changes) = Watcher::start(vec![file.clone()], QUICK);

        symlink("r2", elsewhere.join("next")).unwrap();
        fs::rename(elsewhere.join("next"), elsewhere.join("current")).unwrap();
        assert_eq!(next(&mut changes).await, slice::from_ref(&file));

        fs::write(elsewhere.join("r2/key"), "written in place").unwrap();
        assert_eq!(next(&mut changes).await, [file]);
    }

    #[tokio::test]
    async fn a_file_that_appears_or_vanishes_is_noticed() {
        let (_keep, dir) = folder();
        let file = dir.join("later/session.key");
        let (_watcher, mut changes) = Watcher::start(vec![file.clone()], QUICK);

        fs::create_dir(dir.join("later")).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        fs::write(&file, "key").unwrap();
        assert_eq!(next(&mut changes).await, slice::from_ref(&file));

        fs::remove_file(&file).unwrap();
        assert_eq!(next(&mut changes).await, [file]);
    }

    #[tokio::test]
    async fn a_neighbour_and_a_reader_change_nothing() {
        let (_keep, dir) = folder();
        let file = dir.join("hubrouter.yaml");
        fs::write(&file, "one").unwrap();
        let (_watcher, mut changes) = Watcher::start(vec![file.clone()], QUICK);

        fs::write(dir.join("neighbour"), "x").unwrap();
        fs::read(&file).unwrap();

        assert!(nothing(&mut changes).await);
    }

    #[tokio::test]
    async fn files_that_are_named_later_are_watched_and_those_that_stay_lose_no_change() {
        let (_keep, dir) = folder();
        let (config, secret) = (dir.join("hubrouter.yaml"), dir.join("token"));
        fs::write(&config, "one").unwrap();
        fs::write(&secret, "one").unwrap();
        let (watcher, mut changes) = Watcher::start(vec![config.clone()], QUICK);

        fs::write(&config, "changed while it was read").unwrap();
        watcher.watch(vec![config.clone(), secret.clone()]);
        assert_eq!(next(&mut changes).await, [config]);

        fs::write(&secret, "two").unwrap();
        assert_eq!(next(&mut changes).await, [secret]);
    }

    #[tokio::test]
    async fn without_events_a_change_is_found_by_looking() {
        let (_keep, dir) = folder();
        let file = dir.join("hubrouter.yaml");
        fs::write(&file, "one").unwrap();
        let patience = Patience { events: false, poll: Duration::from_millis(50), ..QUICK };
        let (_watcher, mut changes) = Watcher::start(vec![file.clone()], patience);

        fs::write(&file, "two").unwrap();

        assert_eq!(next(&mut changes).await, [file]);
    }

    #[tokio::test]
    async fn a_folder_that_is_never_quiet_does_not_put_a_change_off_for_ever() {
        let (_keep, dir) = folder();
        let file = dir.join("hubrouter.yaml");
        fs::write(&file, "one").unwrap();
        let (_watcher, mut changes) = Watcher::start(vec![file.clone()], QUICK);
        let noise = dir.join("noise");
        let noisy = tokio::spawn(async move {
            loop {
                fs::write(&noise, "x").unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });

        fs::write(&file, "two").unwrap();

        assert_eq!(next(&mut changes).await, [file]);
        noisy.abort();
    }

    #[tokio::test]
    async fn a_dropped_watcher_ends_its_task() {
        let (_keep, dir) = folder();
        let (watcher, mut changes) = Watcher::start(vec![dir.join("x")], QUICK);
        drop(watcher);
        assert_eq!(timeout(Duration::from_secs(10), changes.recv()).await, Ok(None));
    }

    #[test]
    fn a_path_in_a_circle_of_links_ends() {
        let (_keep, dir) = folder();
        symlink("b", dir.join("a")).unwrap();
        symlink("a", dir.join("b")).unwrap();
        assert_eq!(folders_of(&dir.join("a/file")), BTreeSet::from([dir]));
    }
}
