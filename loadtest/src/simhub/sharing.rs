//! Shares and share codes: who may use whose server besides its owner.
//!
//! Plain data; the API that changes it is in the hub's handlers.

use std::time::SystemTime;

/// All shares and codes of a hub.
#[derive(Default)]
pub(crate) struct Sharing {
    pub(crate) shares: Vec<Share>,
    pub(crate) codes: Vec<ShareCode>,
    next_code: u64,
}

/// A server shared with one user or one group.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) owner: String,
    pub(crate) server: String,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) created: SystemTime,
}

/// A server shared with whoever brings the code.
#[derive(Clone)]
pub(crate) struct ShareCode {
    pub(crate) id: String,
    pub(crate) code: String,
    pub(crate) owner: String,
    pub(crate) server: String,
    pub(crate) exchanges: u64,
    pub(crate) created: SystemTime,
}

impl Sharing {
    /// Shares a server once; the same share again changes nothing.
    pub(crate) fn grant(
        &mut self,
        owner: &str,
        server: &str,
        user: Option<&str>,
        group: Option<&str>,
    ) -> Share {
        let same = |share: &&Share| {
            share.owner == owner
                && share.server == server
                && share.user.as_deref() == user
                && share.group.as_deref() == group
        };
        if let Some(share) = self.shares.iter().find(same) {
            return share.clone();
        }
        let share = Share {
            owner: owner.to_owned(),
            server: server.to_owned(),
            user: user.map(str::to_owned),
            group: group.map(str::to_owned),
            created: SystemTime::now(),
        };
        self.shares.push(share.clone());
        share
    }

    /// Keeps a new code.
    pub(crate) fn new_code(&mut self, code: String, owner: &str, server: &str) -> ShareCode {
        self.next_code += 1;
        let code = ShareCode {
            id: format!("sc_{}", self.next_code),
            code,
            owner: owner.to_owned(),
            server: server.to_owned(),
            exchanges: 0,
            created: SystemTime::now(),
        };
        self.codes.push(code.clone());
        code
    }
}
