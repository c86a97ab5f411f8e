//! Logging in at an outside provider; the provider of the recording hub knows everybody as `olga`.

use super::super::script::{Conversation, conversation, get};

pub(super) fn conversations() -> Vec<Conversation> {
    let all = vec![
        conversation(
            "provider",
            "login",
            "to the provider and back, with the state in a cookie",
            vec![vec![
                get("{base}hub/home"),
                get("{location}"),
                get("{location}"),
                get("{location}").aside(),
                get("{location}"),
                get("{location}").looks("olga"),
                get("{base}hub/oauth_callback?code=abc&state=def"),
            ]],
        ),
        conversation(
            "provider",
            "no-state",
            "a callback without its cookie is 400, and the cookie is cleared",
            vec![vec![
                get("{base}hub/oauth_callback?code=abc&state=def"),
                get("{base}hub/oauth_callback"),
                get("{base}hub/oauth_callback?error=access_denied"),
            ]],
        ),
        conversation(
            "provider",
            "foreign-state",
            "a callback with another flow's state is 400",
            vec![vec![
                get("{base}hub/oauth_login").aside(),
                get("{base}hub/oauth_callback?code=abc&state=eyJzdGF0ZV9pZCI6ICJ4In0%3D"),
                get("{base}hub/oauth_callback?code=abc&state=eyJzdGF0ZV9pZCI6ICJ4In0%3D"),
            ]],
        ),
        conversation(
            "provider",
            "logout",
            "with auto_login the logout page is a page",
            vec![vec![get("{base}hub/logout").looks("Successfully logged out")]],
        ),
    ];
    all.into_iter().map(|conversation| conversation.needing("provider")).collect()
}
