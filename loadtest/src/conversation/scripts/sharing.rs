//! Shares and share codes.

use super::super::script::{Conversation, Step, admin, conversation, get, login, own_token, say, wait_for};

fn with(method: &str, path: &str) -> Step {
    say(method, path).by("script").token("admin_token")
}

pub(super) fn conversations() -> Vec<Conversation> {
    let owner = || {
        [
            login("owner", "{ada/}"),
            vec![get("{base}hub/spawn").by("owner").aside()],
            wait_for("owner", "{ada/}"),
            admin(),
        ]
        .concat()
    };
    vec![
        conversation(
            "sharing",
            "share",
            "a server is shared with a user who exists",
            vec![
                owner(),
                vec![
                    with("POST", "{base}hub/api/shares/{ada/}/").json("{\"user\": \"{bob}\"}"),
                    with("POST", "{base}hub/api/users/{bob/}").aside(),
                    with("POST", "{base}hub/api/shares/{ada/}/").json("{\"user\": \"{bob}\"}"),
                    with("GET", "{base}hub/api/shares/{ada/}/"),
                    with("GET", "{base}hub/api/users/{bob/}/shared"),
                    with("POST", "{base}hub/api/shares/{ada/}/none").json("{\"user\": \"{bob}\"}"),
                    with("PATCH", "{base}hub/api/shares/{ada/}/").json("{\"user\": \"{bob}\"}"),
                    with("GET", "{base}hub/api/shares/{ada/}/"),
                    with("DELETE", "{base}hub/api/shares/{ada/}/"),
                ],
            ],
        ),
        conversation(
            "sharing",
            "no-right",
            "a user without the right shares nothing",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    say("POST", "{base}hub/api/shares/{ada/}/").token("mine").json("{\"user\": \"admin\"}"),
                    get("{base}hub/api/shares/{ada/}").token("mine"),
                ],
            ],
        ),
        conversation(
            "sharing",
            "code",
            "a code invites whoever brings it",
            vec![
                owner(),
                login("guest", "{bob/}"),
                vec![
                    with("POST", "{base}hub/api/share-codes/{ada/}/")
                        .json("{}")
                        .remember("invitation", "/code"),
                    with("GET", "{base}hub/api/share-codes/{ada/}/"),
                    get("{base}hub/accept-share?code={invitation}").by("guest").looks("Accept invitation"),
                    say("POST", "{base}hub/accept-share").by("guest").form("code={invitation}&_xsrf={xsrf}"),
                    get("{base}hub/accept-share?code=no-such-code")
                        .by("guest")
                        .looks("Share not found or expired"),
                    get("{base}hub/accept-share?code={invitation}").by("owner").looks("share with yourself"),
                    get("{base}hub/api/user").by("guest"),
                    with("DELETE", "{base}hub/api/share-codes/{ada/}/"),
                ],
            ],
        ),
    ]
}
