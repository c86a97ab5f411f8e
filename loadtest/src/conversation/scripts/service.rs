//! A managed service behind the hub's login.

use super::super::script::{Conversation, conversation, get, login, say};

pub(super) fn conversations() -> Vec<Conversation> {
    vec![
        conversation(
            "service",
            "hop",
            "a service learns who it is, after consent",
            vec![
                login("browser", "{ada/}"),
                vec![
                    get("{base}services/whoami/"),
                    get("{location}").looks("Authorize"),
                    say("POST", "{location}")
                        .form("scopes=access%3Aservices%21service%3Dwhoami&_xsrf={xsrf}"),
                    get("{location}"),
                    get("{location}"),
                ],
            ],
        ),
        conversation(
            "service",
            "anonymous",
            "nobody logs in first",
            vec![vec![get("{base}services/whoami/"), get("{location}")]],
        ),
        conversation("service", "bare", "a service's bare name", vec![vec![get("{base}services/whoami")]]),
    ]
}
