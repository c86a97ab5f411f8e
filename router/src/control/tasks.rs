//! What runs in the background: each task has a name, a period and a last result, and operators see them all.
//!
//! A task notes its result when it has run; nothing here runs or watches it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The background tasks of one process. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    next: u64,
    tasks: BTreeMap<u64, Seen>,
}

/// One task as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is called: `probe hub-a hub`.
    pub name: String,
    /// How often it runs.
    pub period: Duration,
    /// When it ran last, and what came of that; none before the first time.
    pub last: Option<(Instant, Cow<'static, str>)>,
}

/// The task's own end: notes results, and takes the task off the list when it is dropped.
#[derive(Debug)]
pub struct Task {
    tasks: Tasks,
    number: u64,
}

impl Tasks {
    /// A task that is about to begin.
    #[must_use]
    pub fn add(&self, name: impl Into<String>, period: Duration) -> Task {
        let mut list = self.locked();
        let number = list.next;
        list.next += 1;
        list.tasks.insert(number, Seen { name: name.into(), period, last: None });
        Task { tasks: self.clone(), number }
    }

    /// All tasks, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Seen> {
        let mut all: Vec<Seen> = self.locked().tasks.values().cloned().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Whole values are replaced under the lock, so a poisoned one is as good as any.
    fn locked(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task {
    /// It ran, with this result: a word or a sentence for operators, without secrets.
    pub fn ran(&self, now: Instant, result: impl Into<Cow<'static, str>>) {
        let result = result.into();
        if let Some(seen) = self.tasks.locked().tasks.get_mut(&self.number) {
            seen.last = Some((now, result));
        }
    }

    /// It runs at another pace from now on.
    pub fn every(&self, period: Duration) {
        if let Some(seen) = self.tasks.locked().tasks.get_mut(&self.number) {
            seen.period = period;
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.tasks.locked().tasks.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_task_shows_its_name_its_period_and_its_last_result() {
        let (tasks, now) = (Tasks::default(), Instant::now());
        let task = tasks.add("sweep", SECOND);
        assert_eq!(tasks.all(), [Seen { name: "sweep".into(), period: SECOND, last: None }]);

        task.ran(now, "ok");
        task.ran(now + SECOND, format!("{} failed", 3));
        task.every(2 * SECOND);

        let last = Some((now + SECOND, "3 failed".into()));
        assert_eq!(tasks.all(), [Seen { name: "sweep".into(), period: 2 * SECOND, last }]);
    }

    #[test]
    fn tasks_are_listed_by_name_until_they_end_and_one_may_follow_another_of_its_name() {
        let tasks = Tasks::default();
        let names =
            |tasks: &Tasks| -> Vec<String> { tasks.all().into_iter().map(|seen| seen.name).collect() };
        let first = tasks.add("probe b", SECOND);
        let _other = tasks.add("probe a", SECOND);

        let second = tasks.add("probe b", 2 * SECOND);
        drop(first);
        second.ran(Instant::now(), "ok");

        assert_eq!(names(&tasks), ["probe a", "probe b"]);
        assert!(tasks.all()[1].last.is_some());
        drop(second);
        assert_eq!(names(&tasks), ["probe a"]);
    }
}
