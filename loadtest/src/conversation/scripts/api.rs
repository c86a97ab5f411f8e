//! The REST API on users, groups and services.

use super::super::script::{Conversation, Step, admin, conversation, get, login, own_token, say};

fn with(method: &str, path: &str) -> Step {
    say(method, path).by("script").token("admin_token")
}

pub(super) fn conversations() -> Vec<Conversation> {
    let pages = "application/jupyterhub-pagination+json";
    vec![
        conversation(
            "api",
            "users",
            "an admin lists users, plainly and in pages",
            vec![
                admin(),
                vec![
                    with("GET", "{base}hub/api/users").shape(),
                    with("GET", "{base}hub/api/users?limit=1").header("Accept", pages).shape(),
                    with("GET", "{base}hub/api/users?name_filter=no-such-user").header("Accept", pages),
                    with("GET", "{base}hub/api/users?name_filter=admin&state=inactive"),
                    with("GET", "{base}hub/api/users?state=no-such-state"),
                    with("GET", "{base}hub/api/users?sort=no-such-column"),
                    with("GET", "{base}hub/api/users?limit=x"),
                ],
            ],
        ),
        conversation(
            "api",
            "users-self",
            "a user lists themselves; nobody lists nobody",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    get("{base}hub/api/users").by("script").token("mine"),
                    get("{base}hub/api/users").by("nobody"),
                    get("{base}hub/api/users/{ada/}").by("nobody"),
                    say("POST", "{base}hub/api/users/{bob/}").by("script").token("mine"),
                    get("{base}hub/api/groups").by("script").token("mine"),
                    get("{base}hub/api/services").by("script").token("mine").shape(),
                ],
            ],
        ),
        conversation(
            "api",
            "user",
            "a user's row is made, read, renamed and deleted",
            vec![
                admin(),
                vec![
                    with("POST", "{base}hub/api/users/{ada/}"),
                    with("POST", "{base}hub/api/users/{ada/}"),
                    with("GET", "{base}hub/api/users/{ada/}"),
                    with("GET", "{base}hub/api/users/no-such-user"),
                    with("PATCH", "{base}hub/api/users/{ada/}")
                        .json("{\"name\": \"{bob}\", \"admin\": true}"),
                    with("GET", "{base}hub/api/users/{ada/}"),
                    with("DELETE", "{base}hub/api/users/{bob/}"),
                    with("DELETE", "{base}hub/api/users/{bob/}"),
                    with("DELETE", "{base}hub/api/users/admin"),
                ],
            ],
        ),
        conversation(
            "api",
            "admin-access",
            "what admins once asked for is switched off",
            vec![
                admin(),
                vec![
                    with("POST", "{base}hub/api/users/{ada/}").aside(),
                    with("POST", "{base}hub/api/users/{ada/}/admin-access"),
                    with("POST", "{base}hub/api/users/no-such-user/admin-access"),
                    say("POST", "{base}hub/api/users/{ada/}/admin-access").by("nobody"),
                ],
            ],
        ),
        conversation(
            "api",
            "many-users",
            "many users at once",
            vec![
                admin(),
                vec![
                    with("POST", "{base}hub/api/users").json("{\"usernames\": [\"{ada}\", \"{bob}\"]}"),
                    with("POST", "{base}hub/api/users").json("{\"usernames\": [\"{ada}\", \"{bob}\"]}"),
                    with("POST", "{base}hub/api/users").json("{\"usernames\": [\"{ada}\", \"{eve}\"]}"),
                    with("POST", "{base}hub/api/users").json("{\"usernames\": []}"),
                    with("POST", "{base}hub/api/users").json("not JSON"),
                ],
            ],
        ),
        conversation(
            "api",
            "groups",
            "groups are made, filled and deleted",
            vec![
                admin(),
                vec![
                    with("POST", "{base}hub/api/users/{bob/}").aside(),
                    with("GET", "{base}hub/api/groups").shape(),
                    with("POST", "{base}hub/api/groups/{ada/}"),
                    with("POST", "{base}hub/api/groups/{ada/}"),
                    with("POST", "{base}hub/api/groups/{ada/}/users").json("{\"users\": [\"{bob}\"]}"),
                    with("POST", "{base}hub/api/groups/{ada/}/users").json("{\"users\": [\"no-such-user\"]}"),
                    with("GET", "{base}hub/api/groups/{ada/}"),
                    with("DELETE", "{base}hub/api/groups/{ada/}/users").json("{\"users\": [\"{bob}\"]}"),
                    with("DELETE", "{base}hub/api/groups/{ada/}"),
                    with("GET", "{base}hub/api/groups/{ada/}").shape(),
                ],
            ],
        ),
        conversation(
            "api",
            "services",
            "services are listed",
            vec![
                admin(),
                vec![
                    with("GET", "{base}hub/api/services/whoami").shape(),
                    with("GET", "{base}hub/api/services/no-such-service"),
                ],
            ],
        ),
    ]
}
