//! The conversations themselves, a file for each subject.

mod api;
mod hop;
mod identity;
mod login;
mod names;
mod pages;
mod provider;
mod server;
mod service;
mod sharing;
mod spawn;
mod tokens;

use std::time::Duration;

use super::script::{Conversation, Step, login, say};
use crate::simhub::{SimHubOptions, SimService};

/// Every conversation, group by group.
pub fn all() -> Vec<Conversation> {
    [
        login::conversations(),
        identity::conversations(),
        pages::conversations(),
        names::conversations(),
        spawn::conversations(),
        api::conversations(),
        sharing::conversations(),
        tokens::conversations(),
        hop::conversations(),
        server::conversations(),
        service::conversations(),
        provider::conversations(),
    ]
    .concat()
}

/// What stops the server that a conversation may have left running.
pub(super) fn clean_up(conversation: &Conversation) -> Vec<Step> {
    let starts = |step: &Step| step.path.contains("hub/spawn") || step.path.ends_with("/server");
    if !conversation.steps.iter().any(starts) {
        return Vec::new();
    }
    let person = if conversation.group == "server" { "{lab/}" } else { "{ada/}" };
    let stop = say("DELETE", &format!("{{base}}hub/api/users/{person}/server?_xsrf={{xsrf}}")).by("parting");
    [login("parting", person), vec![stop]].concat()
}

/// How a simulated hub is set up as `recordings/jupyterhub_config.py` sets up a real one.
pub fn matching_hub() -> SimHubOptions {
    SimHubOptions {
        spawn_delay: Duration::from_millis(1500),
        services: vec![SimService { name: "whoami".to_owned(), open: true }],
        groups: vec![("recorded".to_owned(), vec!["admin".to_owned()])],
        ..SimHubOptions::named("recorded")
    }
}
