//! Why a request goes where it goes: one vocabulary for logs, debugging and explanations.

use std::fmt;

/// What decided the hub of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The path names the owner, and this is the owner's hub.
    Owner,
    /// The OAuth hop of a notebook server or service names whose it is.
    OAuthClient,
    /// The page that follows the login lives there.
    Next,
    /// The login form names the user.
    Form,
    /// Our signed session cookie names the user.
    Session,
    /// The browser holds a login of that hub and no session of ours.
    Jar,
    /// The person chose this hub.
    Chosen,
    /// `services:` in the configuration says so.
    Service,
    /// The hub that began this OAuth login also ends it.
    Flow,
    /// That hub knows the API token.
    Token,
    /// A login that was sent on from another hub continues here.
    StrongLogin,
    /// A stranger stays at the hub that showed the login page.
    WeakLogin,
    /// The page that asks for this file came from there.
    Referer,
    /// Nothing known: any hub that is up.
    Any,
}

impl Why {
    /// The stable word for logs and headers.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::OAuthClient => "oauth_client",
            Self::Next => "next",
            Self::Form => "form",
            Self::Session => "session",
            Self::Jar => "jar",
            Self::Chosen => "chosen",
            Self::Service => "service",
            Self::Flow => "flow",
            Self::Token => "token",
            Self::StrongLogin => "strong_login",
            Self::WeakLogin => "weak_login",
            Self::Referer => "referer",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
