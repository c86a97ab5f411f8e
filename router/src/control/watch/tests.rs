//! Everything that may change a file, done to one; and what is not a change.

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

fn start(files: Vec<PathBuf>, patience: Patience) -> (Watcher, mpsc::Receiver<Changed>) {
    Watcher::start(files, patience, tasks::Tasks::default().add("files", patience.poll))
}

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
    let (_watcher, mut changes) = start(vec![file.clone()], QUICK);

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
    let (_watcher, mut changes) = start(vec![file.clone()], QUICK);

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
    let (_watcher, mut changes) = start(vec![file.clone()], QUICK);

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
    let (_watcher, mut changes) = start(vec![file.clone()], QUICK);

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
    let (_watcher, mut changes) = start(vec![file.clone()], QUICK);

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
    let (_watcher, mut changes) = start(vec![file.clone()], QUICK);

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
    let (watcher, mut changes) = start(vec![config.clone()], QUICK);

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
    let (_watcher, mut changes) = start(vec![file.clone()], patience);

    fs::write(&file, "two").unwrap();

    assert_eq!(next(&mut changes).await, [file]);
}

#[tokio::test]
async fn a_folder_that_is_never_quiet_does_not_put_a_change_off_for_ever() {
    let (_keep, dir) = folder();
    let file = dir.join("hubrouter.yaml");
    fs::write(&file, "one").unwrap();
    let (_watcher, mut changes) = start(vec![file.clone()], QUICK);
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
    let (watcher, mut changes) = start(vec![dir.join("x")], QUICK);
    drop(watcher);
    assert_eq!(timeout(Duration::from_secs(10), changes.recv()).await, Ok(None));
}
