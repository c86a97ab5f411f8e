//! Which user belongs to which hub: the settings. The computation is the router's.

use schemars::JsonSchema;
use serde::Serialize;

use super::Secret;

/// Which user belongs to which hub. Every change here moves users: `hubrouter plan` says how many.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Placement {
    /// How homes are computed.
    pub algorithm: Algorithm,
    /// Keys the hash, so that nobody can choose a user name for its hub. Changing it moves users. Required with
    /// `directory.kind: redis`; absent: the fixed empty seed, with a warning.
    #[schemars(with = "Option<crate::schema::SecretOrText>")]
    pub seed: Option<Secret<String>>,
    /// New users go on to their next hub when a hub has more than this many times the mean; 0 = off, else above 1.
    #[schemars(range(min = 0))]
    pub load_bound: f64,
    /// How user names are made canonical; must be as the hubs' authenticators do it.
    pub user_names: UserNames,
}

/// How homes are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Weighted rendezvous hashing: the best balance and the fewest moves.
    #[default]
    Rendezvous,
    /// A consistent hash ring with 1024 virtual nodes per unit of weight.
    Ring,
}

/// How user names are made canonical.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserNames {
    /// `Ada` and `ada` are one user, as JupyterHub does by default.
    #[default]
    Lower,
    /// Capitals count, for hubs whose authenticator keeps them.
    Exact,
}
