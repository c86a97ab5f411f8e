//! Notices that the configuration changed on disk: the file itself, and every secret and certificate that it names.
//!
//! Folders are watched rather than files: editors replace a file by renaming over it, and Kubernetes swaps a symlink (`..data`)
//! beside a file that never changes itself. What the file system reports only wakes the watcher; whether anything changed is
//! told by comparing what each path leads to, which is also done now and then where no events are to be had. Reading and
//! judging the files is the reloader's.

mod folders;
mod print;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use super::tasks;
use folders::Folders;
use print::Print;

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

/// A running watch. It ends when this is dropped.
#[derive(Debug)]
pub struct Watcher {
    files: watch::Sender<Vec<PathBuf>>,
}

impl Watcher {
    /// Begins to watch `files` in a background task of the current runtime. Start it before the first load, with the path of the
    /// configuration file: then no change falls between loading and watching.
    ///
    /// Changes that come while the receiver is busy are told as one. What each look comes to is noted with `seen`.
    #[must_use]
    pub fn start(
        files: Vec<PathBuf>,
        patience: Patience,
        seen: tasks::Task,
    ) -> (Self, mpsc::Receiver<Changed>) {
        let prints = files.into_iter().map(|file| (file.clone(), Print::of(&file))).collect();
        let (sender, watched) = watch::channel(Vec::new());
        let (told, changes) = mpsc::channel(1);
        let mut task = Task { prints, watched, told, folders: Folders::new(patience.events), patience, seen };
        task.folders.follow(task.prints.keys());
        tokio::spawn(task.run());
        (Self { files: sender }, changes)
    }

    /// Watches these files from now on, usually after a load that named others. Files that were watched before are compared
    /// with what they were then, so a change during the load is not lost.
    pub fn watch(&self, files: Vec<PathBuf>) {
        self.files.send_replace(files);
    }
}

/// What runs in the background.
struct Task {
    prints: BTreeMap<PathBuf, Print>,
    watched: watch::Receiver<Vec<PathBuf>>,
    told: mpsc::Sender<Changed>,
    folders: Folders,
    patience: Patience,
    seen: tasks::Task,
}

impl Task {
    async fn run(mut self) {
        let mut poll = interval(self.patience.poll);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        poll.reset();
        let events = self.folders.events();
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
            let compared = self.prints.len();
            self.seen
                .ran(Instant::now().into_std(), format!("{} of {compared} files changed", changed.len()));
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

#[cfg(test)]
mod tests;
