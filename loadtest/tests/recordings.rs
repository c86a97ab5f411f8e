//! The simulated hub answers as real hubs did: every recording, replayed.
//!
//! What the recordings are and how they are made: `src/conversation`.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hubrouter_loadtest::conversation::{Difference, Recording, all, load, matching_hub, replay};
use hubrouter_loadtest::simhub::{Auth, SimHub, SimHubOptions, SimProvider};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings")
}

fn recordings(wanted: impl Fn(&Recording) -> bool) -> Vec<Recording> {
    load(&folder()).unwrap().into_iter().filter(wanted).collect()
}

fn needs(recording: &Recording, what: &str) -> bool {
    recording.conversation.needs.contains(&what.to_owned())
}

/// Replays all at once: they use users of their own.
async fn differences(hub: SimHub, recordings: Vec<Recording>) -> Vec<String> {
    let hub = Arc::new(hub);
    let tasks: Vec<_> = recordings
        .into_iter()
        .map(|recording| {
            let hub = Arc::clone(&hub);
            tokio::spawn(async move { (replay(&hub.url(), hub.base_url(), &recording).await, recording) })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (Ok(found), _) => all.extend(found.iter().map(Difference::to_string)),
            (Err(error), recording) => all.push(format!("{}: {error}", recording.conversation.name)),
        }
    }
    all
}

#[tokio::test]
async fn a_simulated_hub_answers_as_real_hubs_did() {
    let recordings = recordings(|recording| recording.conversation.needs.is_empty());
    assert!(recordings.len() > 80, "only {} recordings", recordings.len());

    let hub = SimHub::start(matching_hub()).await.unwrap();

    assert_eq!(differences(hub, recordings).await, [""; 0]);
}

#[tokio::test]
async fn a_simulated_hub_with_a_provider_answers_as_a_real_one_did() {
    let recordings = recordings(|recording| needs(recording, "provider"));
    assert!(!recordings.is_empty());
    let provider = SimProvider::start().await.unwrap();
    provider.set_user(Some("olga"));
    let auth = Auth::OAuth { provider: provider.url(), callback_url: None };

    let hub = SimHub::start(SimHubOptions { auth, auto_login: true, ..matching_hub() }).await.unwrap();

    assert_eq!(differences(hub, recordings).await, [""; 0]);
}

#[tokio::test]
async fn a_simulated_hub_with_a_limit_of_starts_answers_as_a_real_one_did() {
    let recordings = recordings(|recording| needs(recording, "limit"));
    assert!(!recordings.is_empty());

    let hub = SimHub::start(SimHubOptions { concurrent_spawn_limit: 1, ..matching_hub() }).await.unwrap();

    assert_eq!(differences(hub, recordings).await, [""; 0]);
}

#[tokio::test]
async fn a_hub_that_answers_otherwise_is_told_where() {
    let recordings = recordings(|recording| recording.conversation.name == "wrong-password");
    let auth = Auth::Form { password: "wrong".to_owned() };

    let hub = SimHub::start(SimHubOptions { auth, ..matching_hub() }).await.unwrap();

    let found = differences(hub, recordings).await;
    assert!(found.iter().any(|line| line.contains("status") && line.contains("recorded: 403")), "{found:?}");
}

#[test]
fn every_conversation_is_recorded_as_it_is_written() {
    let recorded: Vec<_> = recordings(|_| true).into_iter().map(|recording| recording.conversation).collect();

    for conversation in all() {
        let name = format!("{}/{}", conversation.group, conversation.name);
        assert!(recorded.contains(&conversation), "{name} changed since it was recorded: record it again");
    }
    assert_eq!(recorded.len(), all().len(), "a recording without its conversation");
}

#[test]
fn recordings_carry_their_hubs_version() {
    for recording in recordings(|_| true) {
        assert!(recording.jupyterhub.starts_with(|c: char| c.is_ascii_digit()), "{}", recording.jupyterhub);
    }
}
