//! Why a request goes where it goes, and a user belongs where they do: one vocabulary for the log, the debug header and
//! `hubrouter explain`.

use std::fmt;

/// What decided the hub.
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
    /// Placement gives this hub to the user: said of users, not of requests.
    Home,
}

impl Why {
    /// Every word there is.
    pub const ALL: [Self; 15] = [
        Self::Owner,
        Self::OAuthClient,
        Self::Next,
        Self::Form,
        Self::Session,
        Self::Jar,
        Self::Chosen,
        Self::Service,
        Self::Flow,
        Self::Token,
        Self::StrongLogin,
        Self::WeakLogin,
        Self::Referer,
        Self::Any,
        Self::Home,
    ];

    /// The stable word for logs, metrics and headers.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.words().0
    }

    /// What the word means, for people: the rest of "it is this hub because ...".
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Owner => ("owner", "the path names the owner, and this is the owner's hub"),
            Self::OAuthClient => {
                ("oauth_client", "a notebook server or service asks who its visitor is, and lives here")
            }
            Self::Next => ("next", "the page that follows lives here"),
            Self::Form => ("form", "the login form names a user of this hub"),
            Self::Session => ("session", "the session names a user of this hub"),
            Self::Jar => ("jar", "the browser holds a login of this hub"),
            Self::Chosen => ("chosen", "the person or script chose this hub"),
            Self::Service => ("service", "the configuration puts this service here"),
            Self::Flow => ("flow", "the OAuth login began here"),
            Self::Token => ("token", "this hub knows the API token"),
            Self::StrongLogin => ("strong_login", "a login that was sent on from another hub continues here"),
            Self::WeakLogin => ("weak_login", "the login page that a stranger was shown came from here"),
            Self::Referer => ("referer", "the page that asks for this file came from here"),
            Self::Any => ("any", "nothing is known, and any hub that is up will do"),
            Self::Home => ("home", "placement gives the user to this hub"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_has_a_word_and_a_sentence_of_its_own() {
        let words: HashSet<&str> = Why::ALL.iter().map(|why| why.label()).collect();
        let sentences: HashSet<&str> = Why::ALL.iter().map(|why| why.sentence()).collect();

        assert_eq!((words.len(), sentences.len()), (Why::ALL.len(), Why::ALL.len()));
        for word in words {
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{word}");
        }
    }
}
