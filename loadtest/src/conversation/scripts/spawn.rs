//! Starting and stopping servers, in a browser and by the API; what stands where none runs.

use super::super::script::{Conversation, admin, conversation, get, login, own_token, say, wait_for};

pub(super) fn conversations() -> Vec<Conversation> {
    let server = "{base}hub/api/users/{ada/}/server";
    vec![
        conversation(
            "spawn",
            "browser",
            "a browser's start: progress page, events, the server's address",
            vec![
                login("browser", "{ada/}"),
                vec![
                    get("{base}hub/spawn"),
                    get("{location}").looks("Your server is starting up.").looks("EventSource"),
                    get("{base}hub/spawn/{ada/}"),
                    get("{base}hub/user/{ada/}/lab"),
                    get("{base}hub/api/users/{ada/}/server/progress"),
                    get("{base}hub/spawn-pending/{ada/}"),
                    get("{base}hub/spawn/{ada/}?next=%2Fuser%2Fx%2F"),
                    get("{base}hub/spawn"),
                    get("{base}hub/").aside(),
                    get("{base}hub/home").looks("id=\"stop\""),
                    get("{base}hub/user/{ada/}/lab?x=1"),
                    get("{base}hub/user/{ada/}/lab?redirects=4").looks("Redirect loop detected."),
                    get("{base}hub/api/users/{ada/}/server/progress"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "browser-next",
            "`next` and options travel with the start",
            vec![
                login("browser", "{ada/}"),
                vec![get("{base}hub/spawn/{ada/}?next=%2Fuser%2F{ada/}%2Flab%3Fx%3D1")],
                wait_for("browser", "{ada/}"),
                vec![get("{location}")],
            ],
        ),
        conversation(
            "spawn",
            "form",
            "a start by POST needs the page's token",
            vec![
                login("browser", "{ada/}"),
                vec![
                    say("POST", "{base}hub/spawn").form("size=small"),
                    say("POST", "{base}hub/spawn?_xsrf={xsrf}").form("size=small"),
                    say("POST", "{base}hub/spawn?_xsrf={xsrf}").form("size=small").looks("is pending spawn"),
                ],
                wait_for("browser", "{ada/}"),
                vec![
                    say("POST", "{base}hub/spawn?_xsrf={xsrf}")
                        .form("size=small")
                        .looks("is already running"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "options",
            "options stand in the query, with a prefix of their own",
            vec![
                login("browser", "{ada/}"),
                vec![get("{base}hub/spawn/{ada/}?opt-size=small&next=%2Fhub%2Fhome")],
            ],
        ),
        conversation(
            "spawn",
            "others",
            "other people's servers are 404",
            vec![
                login("browser", "{ada/}"),
                vec![
                    get("{base}hub/spawn/admin"),
                    get("{base}hub/spawn-pending/admin"),
                    get("{base}hub/user/admin/lab"),
                    get("{base}hub/user/no-such-user/lab"),
                    get("{base}hub/api/users/admin"),
                    get("{base}hub/api/users/no-such-user"),
                    get("{base}hub/api/users/admin/server"),
                    say("POST", "{base}hub/api/users/admin/server?_xsrf={xsrf}").json("{}"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "unknown",
            "an admin learns that there is no such user",
            vec![
                login("browser", "admin"),
                vec![
                    get("{base}hub/spawn/no-such-user"),
                    get("{base}hub/spawn-pending/no-such-user"),
                    get("{base}hub/user/no-such-user/lab"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "stopped",
            "where no server runs: 424, a page or JSON",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    get("{base}user/{ada/}/lab?x=1"),
                    get("{location}").looks("Server not running").looks("id=\"start\""),
                    get("{base}hub/user/{ada/}/"),
                    get("{base}hub/user/{ada/}/api/contents"),
                    get("{base}hub/user/{ada/}/lab").header("Accept", "application/json"),
                    get("{base}hub/user/{ada/}/lab").by("script").token("mine"),
                    say("POST", "{base}hub/user/{ada/}/api/kernels").by("script").token("mine").json("{}"),
                    say("POST", "{base}hub/user/{ada/}/api/kernels").by("script").json("{}"),
                    get("{base}hub/spawn-pending/{ada/}").looks("Server not running"),
                    get("{base}hub/api/users/{ada/}/server/progress"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "user-redirect",
            "a link to one's own server, whoever one is",
            vec![
                login("browser", "{ada/}"),
                vec![
                    get("{base}hub/user-redirect/lab/tree/a%20b.ipynb?x=1&y=%2F"),
                    get("{base}hub/user-redirect/"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "api",
            "the API's start blocks, and answers 201, 400, 404; a stop 204",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    get("{base}hub/api/users/{ada/}/server").token("mine"),
                    say("POST", server).token("mine").json("{\"user_options\": {\"size\": \"small\"}}"),
                    say("POST", server).token("mine").json("{}"),
                    get("{base}hub/api/users/{ada/}").token("mine"),
                    get("{base}hub/api/users/{ada/}/server").token("mine"),
                    say("DELETE", server).token("mine"),
                    say("DELETE", server).token("mine"),
                    get("{base}hub/api/users/{ada/}").token("mine"),
                ],
                admin(),
                vec![
                    say("POST", "{base}hub/api/users/no-such-user/server")
                        .by("script")
                        .token("admin_token")
                        .json("{}"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "api-pending",
            "a start that is pending already: 202",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    get("{base}hub/spawn").aside(),
                    say("POST", server).token("mine").json("{}"),
                    get("{base}hub/api/users/{ada/}").token("mine"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "named",
            "named servers: start, state, page, stop, end",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    say("POST", "{base}hub/api/users/{ada/}/servers/second").token("mine").json("{}"),
                    get("{base}hub/api/users/{ada/}").token("mine"),
                    get("{base}hub/spawn-pending/{ada/}/second"),
                    get("{base}hub/user/{ada/}/second/lab"),
                    say("DELETE", "{base}hub/api/users/{ada/}/servers/second")
                        .token("mine")
                        .json("{\"remove\": true}"),
                    say("POST", "{base}hub/api/users/{ada/}/servers/Not%20Valid").token("mine").json("{}"),
                    say("DELETE", "{base}hub/api/users/{ada/}/servers/none").token("mine"),
                    get("{base}hub/spawn-pending/{ada/}/none"),
                    say("PUT", "{base}hub/api/users/{ada/}/servers/third").token("mine").json("{}"),
                    say("PUT", "{base}hub/api/users/{ada/}/servers/third").token("mine").json("{}"),
                    say("PATCH", "{base}hub/api/users/{ada/}/servers/third")
                        .token("mine")
                        .json("{\"name\": \"fourth\"}"),
                    get("{base}hub/api/users/{ada/}/servers/fourth").token("mine"),
                ],
            ],
        ),
        conversation(
            "spawn",
            "named-page",
            "a browser starts a named server, and follows its events",
            vec![
                login("browser", "{ada/}"),
                vec![
                    get("{base}hub/spawn/{ada/}/second"),
                    get("{location}").looks("Your server is starting up."),
                    get("{base}hub/api/users/{ada/}/servers/second/progress"),
                    get("{base}hub/spawn/{ada/}/second"),
                    say("DELETE", "{base}hub/api/users/{ada/}/servers/second?_xsrf={xsrf}")
                        .json("{\"remove\": true}")
                        .aside(),
                ],
            ],
        ),
        conversation(
            "spawn",
            "busy",
            "a hub that starts enough servers already says when to come back",
            vec![
                login("first", "{ada/}"),
                login("browser", "{bob/}"),
                own_token("browser", "{bob/}", "mine"),
                vec![
                    get("{base}hub/spawn").by("first").aside(),
                    // in how many seconds, the hub draws by lot
                    say("POST", "{base}hub/api/users/{bob/}/server").by("script").token("mine").shape(),
                    get("{base}hub/spawn").looks("Too many users trying to log in right now."),
                    say("POST", "{base}hub/spawn?_xsrf={xsrf}").form("size=small"),
                    get("{base}hub/home"),
                ],
                wait_for("first", "{ada/}"),
            ],
        )
        .needing("limit"),
        conversation(
            "spawn",
            "activity",
            "activity is taken for servers that exist",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    say("POST", "{base}hub/api/users/{ada/}/activity")
                        .token("mine")
                        .json("{\"last_activity\": \"2026-01-01T00:00:00Z\"}"),
                    say("POST", "{base}hub/api/users/{ada/}/activity")
                        .token("mine")
                        .json("{\"servers\": {\"none\": {\"last_activity\": \"2026-01-01T00:00:00Z\"}}}"),
                    say("POST", "{base}hub/api/users/{ada/}/activity").token("mine").json("{}"),
                    say("POST", "{base}hub/api/users/{ada/}/activity").by("nobody").json("{}"),
                ],
            ],
        ),
    ]
}
