//! Names that are more than letters.

use super::super::script::{Conversation, Step, admin, conversation, get, login, say};

fn named(name: &str, shows: &str) -> Conversation {
    let person = format!("{{{name}/}}");
    let path = |front: &str| get(&format!("{{base}}{front}/{person}"));
    conversation(
        "names",
        name,
        shows,
        vec![
            login("browser", &person),
            vec![
                get("{base}hub/api/user"),
                path("hub/api/users"),
                Step {
                    path: format!("{{base}}hub/user/{person}/tree"),
                    ..path("").looks("Server not running")
                },
                get("{base}hub/user-redirect/lab"),
                get(&format!("{{base}}user/{person}/lab")),
                path("user"),
            ],
        ],
    )
}

pub(super) fn conversations() -> Vec<Conversation> {
    vec![
        conversation(
            "names",
            "upper",
            "capitals are folded at the login, not in paths",
            vec![
                vec![
                    get("{base}hub/login").aside(),
                    say("POST", "{base}hub/login")
                        .form("username=%20{upper}-UPPER%20&password=pw&_xsrf={xsrf}")
                        .aside(),
                ],
                vec![
                    get("{base}hub/api/user"),
                    get("{base}hub/api/users/{upper}-UPPER"),
                    get("{base}hub/user/{upper}-UPPER/lab"),
                    get("{base}hub/user/{upper}-upper/lab").looks("Server not running"),
                ],
            ],
        ),
        named("accent", "letters beyond ASCII"),
        named("mail", "an address as a name"),
        named("space", "a space in a name"),
        named("percent", "a percent sign: decoded once"),
        named("semi", "a semicolon in a name"),
        named("quote", "an apostrophe in a name"),
        named("tilde", "a tilde in a name"),
        named("plus", "a plus is a plus"),
        conversation(
            "names",
            "invalid",
            "names that cannot be a path's segment",
            vec![vec![
                get("{base}hub/login").aside(),
                say("POST", "{base}hub/login")
                    .form("username=a%2Fb&password=pw&_xsrf={xsrf}")
                    .looks("Invalid username or password"),
                say("POST", "{base}hub/login")
                    .form("username=..&password=pw&_xsrf={xsrf}")
                    .looks("Invalid username or password"),
                say("POST", "{base}hub/login")
                    .form("username=&password=pw&_xsrf={xsrf}")
                    .looks("Invalid username or password"),
            ]],
        ),
        conversation(
            "names",
            "literal",
            "the API makes users as written, or folds a list",
            vec![
                admin(),
                vec![
                    say("POST", "{base}hub/api/users/{upper}-MiXed").by("script").token("admin_token"),
                    get("{base}hub/api/users/{upper}-MiXed").by("script").token("admin_token"),
                    get("{base}hub/api/users/{upper}-mixed").by("script").token("admin_token"),
                    say("POST", "{base}hub/api/users")
                        .by("script")
                        .token("admin_token")
                        .json("{\"usernames\": [\"{upper}-MiXed2\"]}"),
                ],
            ],
        ),
    ]
}
