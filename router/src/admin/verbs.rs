//! The operators' verbs as they travel: their words, their addresses, what a body may say, and the order that comes of it.
//!
//! The door and the command line share it, so that neither can spell a verb differently. Who may order what and how an
//! order is carried out is left to others.

use std::time::Duration;

use hubrouter_config::read_duration;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::control::operator::{Operate, Refused, What};
use crate::core::life::records::AtDeadline;

/// Servers without activity for so long are stopped at the deadline of a drain, where the operator names no time.
const IDLE_FOR: Duration = Duration::from_secs(30 * 60);
/// Most characters of a reason.
pub(super) const REASON: usize = 500;
/// Most characters of a name that an operator goes by.
pub(super) const WHO: usize = 64;

/// What can be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Keep the hub's users, take no new ones.
    Cordon,
    /// Let the hub's users go at their next start.
    Drain,
    /// End a drain.
    Abort,
    /// Close the hub but for servers that run.
    Maintenance,
    /// Ordinary work again.
    Resume,
    /// Send the idle users of a hub that is down to their candidates.
    Failover,
    /// Assign a user to a hub.
    Move,
    /// Assign a user to a hub for good.
    Pin,
    /// End a pin.
    Unpin,
    /// Activate the placement that the configuration proposes.
    Apply,
}

/// What a verb is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// One hub.
    Hub,
    /// One user.
    User,
    /// All of the site.
    Site,
}

/// The body of an order. Which of these fit is the verb's to say; what is left out is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderBody {
    /// Why, in the operator's words: one line, 500 characters at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The name that the operator goes by: 64 characters at most. It proves nothing, the token does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Only say what would happen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// Set a safeguard aside.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// The servers of a hub that is down are lost.
    #[serde(default, skip_serializing_if = "is_false")]
    pub assume_stopped: bool,
    /// How long a drain may take: `2h`, as durations in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// What happens at the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_deadline: Option<Then>,
    /// At the deadline servers are stopped that had no activity for so long: `30m`, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_for: Option<String>,
    /// Where a user goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
}

/// What a drain does at its deadline. Unlike in a record, an unknown word is an error here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// It goes on waiting.
    Wait,
    /// Servers without activity are stopped through the hub's API.
    StopIdle,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 10] = [
        Self::Cordon,
        Self::Drain,
        Self::Abort,
        Self::Maintenance,
        Self::Resume,
        Self::Failover,
        Self::Move,
        Self::Pin,
        Self::Unpin,
        Self::Apply,
    ];

    /// The word in addresses, and in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cordon => "cordon",
            Self::Drain => "drain",
            Self::Abort => "abort",
            Self::Maintenance => "maintenance",
            Self::Resume => "resume",
            Self::Failover => "failover",
            Self::Move => "move",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Apply => "apply",
        }
    }

    /// Where it is posted; `target` is a hub's id or a user's name, and of no matter where it is about the site.
    #[must_use]
    pub fn path(self, target: &str) -> String {
        let word = self.word();
        match self.about() {
            About::Hub => format!("/hubs/{}/{word}", segment(target)),
            About::User => format!("/users/{}/{word}", segment(target)),
            About::Site => format!("/placement/{word}"),
        }
    }

    pub(super) fn about(self) -> About {
        match self {
            Self::Cordon | Self::Drain | Self::Abort | Self::Maintenance | Self::Resume | Self::Failover => {
                About::Hub
            }
            Self::Move | Self::Pin | Self::Unpin => About::User,
            Self::Apply => About::Site,
        }
    }

    /// The verb of this word among those about `about`.
    pub(super) fn find(about: About, word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.about() == about && verb.word() == word)
    }

    /// The fields that fit it, beside `reason`, `who` and `dry_run`.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Drain => &["deadline", "at_deadline", "idle_for", "force"],
            Self::Maintenance | Self::Apply => &["force"],
            Self::Failover => &["assume_stopped"],
            Self::Move | Self::Pin => &["hub"],
            Self::Cordon | Self::Abort | Self::Resume | Self::Unpin => &[],
        }
    }
}

/// A name as one segment of an address.
#[must_use]
pub fn segment(name: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(name, KEPT).to_string()
}

impl OrderBody {
    /// What `verb` with this body wants of `target`; hubs and users are looked up in `operate`.
    ///
    /// # Errors
    ///
    /// What does not fit the verb or makes no sense is invalid; a hub or a user may be unknown.
    pub(super) fn order(&self, verb: Verb, target: &str, operate: &dyn Operate) -> Result<What, Refused> {
        self.fits(verb)?;
        let hub = || operate.hub(target);
        let user = || operate.user(target);
        Ok(match verb {
            Verb::Cordon => What::Cordon { hub: hub()? },
            Verb::Drain => self.drain(target, operate)?,
            Verb::Abort => What::Abort { hub: hub()? },
            Verb::Maintenance => What::Maintenance { hub: hub()?, force: self.force },
            Verb::Resume => What::Resume { hub: hub()? },
            Verb::Failover => What::Failover { hub: hub()?, assume_stopped: self.assume_stopped },
            Verb::Move => What::Move { user: user()?, to: operate.hub(self.to()?)? },
            Verb::Pin => What::Pin { user: user()?, to: operate.hub(self.to()?)? },
            Verb::Unpin => What::Unpin { user: user()? },
            Verb::Apply => What::Apply { force: self.force },
        })
    }

    fn drain(&self, target: &str, operate: &dyn Operate) -> Result<What, Refused> {
        let at_deadline = match self.at_deadline {
            None | Some(Then::Wait) => AtDeadline::Wait,
            Some(Then::StopIdle) => AtDeadline::StopIdle,
        };
        if at_deadline == AtDeadline::StopIdle && self.deadline.is_none() {
            return Err(invalid("`at_deadline: stop-idle` needs a `deadline`, such as 2h"));
        }
        if at_deadline == AtDeadline::Wait && self.idle_for.is_some() {
            return Err(invalid("`idle_for` says which servers `at_deadline: stop-idle` stops: give both"));
        }
        let idle_for = duration("idle_for", self.idle_for.as_deref())?.unwrap_or(IDLE_FOR);
        let deadline = duration("deadline", self.deadline.as_deref())?;
        Ok(What::Drain { hub: operate.hub(target)?, deadline, at_deadline, idle_for, force: self.force })
    }

    fn to(&self) -> Result<&str, Refused> {
        self.hub.as_deref().ok_or_else(|| invalid("say where the user goes: `hub`"))
    }

    fn fits(&self, verb: Verb) -> Result<(), Refused> {
        line("reason", self.reason.as_deref(), REASON)?;
        line("who", self.who.as_deref(), WHO)?;
        if self.who.as_deref().is_some_and(|who| who.contains(['(', ')'])) {
            return Err(invalid("`who` holds a parenthesis"));
        }
        let given = [
            ("force", self.force),
            ("assume_stopped", self.assume_stopped),
            ("deadline", self.deadline.is_some()),
            ("at_deadline", self.at_deadline.is_some()),
            ("idle_for", self.idle_for.is_some()),
            ("hub", self.hub.is_some()),
        ];
        match given.into_iter().find(|(name, given)| *given && !verb.fields().contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let fitting = [&["reason", "who", "dry_run"], verb.fields()].concat().join(", ");
                Err(invalid(format!("`{name}` does not fit `{}`, which takes: {fitting}", verb.word())))
            }
        }
    }
}

fn invalid(what: impl Into<String>) -> Refused {
    Refused::Invalid(what.into())
}

fn duration(name: &str, text: Option<&str>) -> Result<Option<Duration>, Refused> {
    let read = text.map(read_duration).transpose();
    read.map_err(|malformed| invalid(format!("`{name}`: {malformed}; {}", malformed.hint)))
}

/// Refuses what could stand as more than one line in a log, or as a book.
fn line(name: &str, text: Option<&str>, most: usize) -> Result<(), Refused> {
    let text = text.unwrap_or_default();
    if text.chars().any(char::is_control) {
        return Err(invalid(format!("`{name}` holds a control character: write one line")));
    }
    if text.chars().count() > most {
        return Err(invalid(format!("`{name}` is longer than {most} characters")));
    }
    Ok(())
}

#[cfg(test)]
#[path = "verbs_tests.rs"]
mod tests;
