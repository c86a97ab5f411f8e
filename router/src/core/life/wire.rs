//! How words of other crates are written into records: as text, checked on the way in.
//!
//! Foreign text never panics. Where a word of a newer release has a harmless reading it gets that; else the record is not
//! read, and whoever reads it counts and ignores it.

use std::fmt::Display;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Reads a text through `read`; `what` says in the error what it should have been.
fn read<'de, D: Deserializer<'de>, T>(
    from: D,
    what: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    read(&text).ok_or_else(|| D::Error::custom(format_args!("`{}` is not {what}", text.escape_debug())))
}

fn write<S: Serializer>(text: impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&text)
}

/// A hub's id.
pub(super) mod hub {
    use super::{Deserializer, Serializer, read, write};
    use hubrouter_config::HubId;

    pub(in super::super) fn serialize<S: Serializer>(id: &HubId, to: S) -> Result<S::Ok, S::Error> {
        write(id, to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HubId, D::Error> {
        read(from, "the id of a hub", |text| text.parse().ok())
    }
}

/// A user's canonical name, read as it was written.
pub(super) mod user {
    use super::{Deserializer, Serializer, read, write};
    use hubrouter_hub_adapter::names::{NameRule, UserName};

    pub(in super::super) fn serialize<S: Serializer>(user: &UserName, to: S) -> Result<S::Ok, S::Error> {
        write(user, to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UserName, D::Error> {
        read(from, "the name of a user", |text| UserName::canonical(text, NameRule::Exact))
    }
}

/// Names of users; one that is none spoils the list.
pub(super) mod users {
    use super::{Deserialize, Deserializer, Serializer};
    use hubrouter_hub_adapter::names::UserName;
    use serde::Serialize;

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct One(#[serde(with = "super::user")] UserName);

    pub(in super::super) fn serialize<S: Serializer>(users: &[UserName], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(users.iter().map(|user| One(user.clone())))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<UserName>, D::Error> {
        Ok(Vec::<One>::deserialize(from)?.into_iter().map(|One(user)| user).collect())
    }
}

/// What an operator wants of a hub. A word of a newer release reads as `cordoned`: nobody new comes, and nobody has to go.
pub(super) mod intent {
    use super::{Deserializer, Serializer, read, write};
    use hubrouter_config::Intent;

    pub(in super::super) fn serialize<S: Serializer>(intent: &Intent, to: S) -> Result<S::Ok, S::Error> {
        write(intent.label(), to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Intent, D::Error> {
        read(from, "an intent", |text| {
            Some(match text {
                "active" => Intent::Active,
                "draining" => Intent::Draining,
                "maintenance" => Intent::Maintenance,
                _cordoned_or_newer => Intent::Cordoned,
            })
        })
    }
}

/// A plane of a hub.
pub(super) mod plane {
    use super::{Deserializer, Serializer, read, write};
    use crate::core::health::Plane;

    pub(in super::super) fn serialize<S: Serializer>(plane: &Plane, to: S) -> Result<S::Ok, S::Error> {
        let word = match plane {
            Plane::Proxy => "proxy",
            Plane::Hub => "hub",
        };
        write(word, to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Plane, D::Error> {
        read(from, "a plane", |text| match text {
            "proxy" => Some(Plane::Proxy),
            "hub" => Some(Plane::Hub),
            _ => None,
        })
    }
}

/// A tier. Another one cannot be placed by, so the record is not read.
pub(super) mod tier {
    use super::{Deserializer, Serializer, read, write};
    use hubrouter_config::Tier;

    pub(in super::super) fn serialize<S: Serializer>(tier: &Tier, to: S) -> Result<S::Ok, S::Error> {
        let word = match tier {
            Tier::Active => "active",
            Tier::Standby => "standby",
        };
        write(word, to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Tier, D::Error> {
        read(from, "a tier of this release", |text| match text {
            "active" => Some(Tier::Active),
            "standby" => Some(Tier::Standby),
            _ => None,
        })
    }
}

/// A placement algorithm. Another one cannot be computed here, so the record is not read.
pub(super) mod algorithm {
    use super::{Deserializer, Serializer, read, write};
    use hubrouter_config::Algorithm;

    pub(in super::super) fn serialize<S: Serializer>(
        algorithm: &Algorithm,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let word = match algorithm {
            Algorithm::Rendezvous => "rendezvous",
            Algorithm::Ring => "ring",
        };
        write(word, to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Algorithm, D::Error> {
        read(from, "a placement algorithm of this release", |text| match text {
            "rendezvous" => Some(Algorithm::Rendezvous),
            "ring" => Some(Algorithm::Ring),
            _ => None,
        })
    }
}

/// How user names are made canonical. Another rule would make other users, so the record is not read.
pub(super) mod user_names {
    use super::{Deserializer, Serializer, read, write};
    use hubrouter_config::UserNames;

    pub(in super::super) fn serialize<S: Serializer>(rule: &UserNames, to: S) -> Result<S::Ok, S::Error> {
        let word = match rule {
            UserNames::Lower => "lower",
            UserNames::Exact => "exact",
        };
        write(word, to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UserNames, D::Error> {
        read(from, "a rule for user names of this release", |text| match text {
            "lower" => Some(UserNames::Lower),
            "exact" => Some(UserNames::Exact),
            _ => None,
        })
    }
}
