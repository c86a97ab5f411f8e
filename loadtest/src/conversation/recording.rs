//! Recordings: a script with what a real hub answered, in a JSON file; making, reading and comparing them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::keep::{Kept, keep};
use super::player::{PlayError, Player};
use super::script::{Conversation, Step, get};
use super::scripts;

/// How long a conversation waits for the stop of a server that it leaves behind.
const PARTING: Duration = Duration::from_secs(1);

/// A conversation as a real hub had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The version of JupyterHub that answered.
    pub jupyterhub: String,
    /// What was said.
    #[serde(flatten)]
    pub conversation: Conversation,
    /// What was kept of the answers to those steps that are not asides, in order.
    answers: Vec<Kept>,
}

/// Where a hub answers otherwise than its recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `group/name`.
    pub conversation: String,
    /// Which step: its number from 1, its method and its path.
    pub step: String,
    /// What of the answer: `status`, `header location`, `cookies`, `json`, ...
    pub part: String,
    /// As recorded.
    pub recorded: String,
    /// As answered now.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}: {}", self.conversation, self.step, self.part)?;
        writeln!(f, "    recorded: {}", self.recorded)?;
        write!(f, "    now:      {}", self.now)
    }
}

/// Plays a conversation at `target` (`http://host:port`) and keeps what it answers.
///
/// # Errors
///
/// When the target does not answer, or an answer lacks what a later step needs.
pub async fn record(target: &str, base: &str, conversation: &Conversation) -> Result<Recording, PlayError> {
    let jupyterhub = version(target, base).await?;
    let answers = play(target, base, conversation, &jupyterhub).await?;
    Ok(Recording { jupyterhub, conversation: conversation.clone(), answers })
}

/// Plays a recording's script at `target` and tells where the answers differ.
///
/// # Errors
///
/// As [`record`].
pub async fn replay(target: &str, base: &str, recording: &Recording) -> Result<Vec<Difference>, PlayError> {
    let version = version(target, base).await?;
    let answers = play(target, base, &recording.conversation, &version).await?;
    let steps = recording.conversation.steps.iter().enumerate().filter(|(_, step)| !step.aside);
    let pairs = recording.answers.iter().zip(&answers).zip(steps);
    let mut found: Vec<Difference> =
        pairs.flat_map(|((old, new), (index, step))| differences(recording, index, step, old, new)).collect();
    if recording.answers.len() != answers.len() {
        found.push(Difference {
            conversation: format!("{}/{}", recording.conversation.group, recording.conversation.name),
            step: "the whole recording".to_owned(),
            part: "number of answers".to_owned(),
            recorded: recording.answers.len().to_string(),
            now: answers.len().to_string(),
        });
    }
    Ok(found)
}

async fn version(target: &str, base: &str) -> Result<String, PlayError> {
    let answer = Player::new(target, base)?.play(&get("{base}hub/api/")).await?;
    let json = answer.json().unwrap_or_default();
    Ok(json.get("version").and_then(Value::as_str).unwrap_or("unknown").to_owned())
}

async fn play(
    target: &str,
    base: &str,
    conversation: &Conversation,
    version: &str,
) -> Result<Vec<Kept>, PlayError> {
    let mut player = Player::new(target, base)?;
    let mut answers = Vec::new();
    for step in &conversation.steps {
        let answer = player.play(step).await?;
        if !step.aside {
            answers.push(keep(step, &answer, player.vars(), version));
        }
    }
    for step in scripts::clean_up(conversation) {
        // a courtesy to the hub: it goes on stopping when nobody waits, and whether it does is not compared
        let _ = tokio::time::timeout(PARTING, player.play(&step)).await;
    }
    Ok(answers)
}

fn differences(recording: &Recording, index: usize, step: &Step, old: &Kept, new: &Kept) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |part: &str, recorded: String, now: String| {
        if recorded != now {
            found.push(Difference {
                conversation: format!("{}/{}", recording.conversation.group, recording.conversation.name),
                step: format!("step {} {} {}", index + 1, step.method, step.path),
                part: part.to_owned(),
                recorded,
                now,
            });
        }
    };
    note("status", old.status.to_string(), new.status.to_string());
    let mut names: Vec<&String> = old.headers.keys().chain(new.headers.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let value = |kept: &Kept| kept.headers.get(name).cloned().unwrap_or_else(|| "(none)".to_owned());
        note(&format!("header {name}"), value(old), value(new));
    }
    note("cookies", old.cookies.join(" | "), new.cookies.join(" | "));
    let json = |kept: &Kept| kept.json.as_ref().map(Value::to_string).unwrap_or_default();
    note("json", json(old), json(new));
    note("text", old.text.clone().unwrap_or_default(), new.text.clone().unwrap_or_default());
    for (needle, recorded) in &old.page {
        let now = new.page.get(needle).copied().unwrap_or(false);
        note(&format!("page holds `{needle}`"), recorded.to_string(), now.to_string());
    }
    found
}

impl Recording {
    /// Writes it to `<folder>/<group>/<name>.json`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = folder.join(&self.conversation.group).join(format!("{}.json", self.conversation.name));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        fs::write(&path, text + "\n")?;
        Ok(path)
    }
}

/// Reads all recordings below a folder, in the order of their paths.
///
/// # Errors
///
/// When the folder or a file cannot be read, or a file is no recording; names the file.
pub fn load(folder: &Path) -> io::Result<Vec<Recording>> {
    let mut paths = Vec::new();
    for group in fs::read_dir(folder)? {
        let group = group?.path();
        if group.is_dir() {
            for file in fs::read_dir(&group)? {
                paths.push(file?.path());
            }
        }
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let read = |path: &PathBuf| {
        let named = |error: &dyn fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| named(&error))?;
        serde_json::from_str(&text).map_err(|error| named(&error))
    };
    paths.iter().map(read).collect()
}
