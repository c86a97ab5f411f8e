//! Who am I: cookies, tokens, and the `_xsrf` rules of the API.

use super::super::script::{Conversation, conversation, get, login, own_token, say};

pub(super) fn conversations() -> Vec<Conversation> {
    vec![
        conversation("identity", "cookie", "a login cookie names its user", vec![
            login("browser", "{ada/}"),
            vec![get("{base}hub/api/user")],
        ]),
        conversation("identity", "cookie-only", "the login cookie alone is enough, and gets a session", vec![
            login("browser", "{ada/}"),
            vec![get("{base}hub/api/user").cookie("-jupyterhub-session-id").cookie("-_xsrf")],
        ]),
        conversation("identity", "nobody", "nobody is 403", vec![vec![
            get("{base}hub/api/user"),
            get("{base}hub/api/user").header("Authorization", "token 0123456789abcdef"),
            get("{base}hub/api/user").header("Origin", "http://evil.example"),
        ]]),
        conversation("identity", "token", "a token names its user, by either word in any case", vec![
            login("browser", "{ada/}"),
            own_token("browser", "{ada/}", "mine"),
            vec![
                get("{base}hub/api/user").by("script").token("mine"),
                get("{base}hub/api/user").by("script").header("Authorization", "Bearer {mine}"),
                get("{base}hub/api/user").by("script").header("Authorization", "BEARER {mine}"),
                get("{base}hub/api/user").by("script").header("Authorization", "Basic {mine}"),
                get("{base}hub/api/user?token={mine}").by("script"),
                get("{base}hub/home").by("script").token("mine"),
            ],
        ]),
        conversation("identity", "fetch", "a script's fetch by cookie needs the page's token", vec![
            login("browser", "{ada/}"),
            vec![
                get("{base}hub/api/user").header("Sec-Fetch-Mode", "cors"),
                get("{base}hub/api/user?_xsrf=wrong").header("Sec-Fetch-Mode", "cors"),
                get("{base}hub/api/user?_xsrf={xsrf}").header("Sec-Fetch-Mode", "cors"),
                get("{base}hub/api/user").header("Sec-Fetch-Mode", "cors").header("X-XSRFToken", "{xsrf}"),
                get("{base}hub/api/user").header("Sec-Fetch-Mode", "no-cors").header("Sec-Fetch-Site", "same-origin"),
                get("{base}hub/api/user").header("Sec-Fetch-Mode", "no-cors").header("Sec-Fetch-Site", "cross-site"),
            ],
        ]),
        conversation("identity", "write", "a write by cookie needs the page's token, as JSON", vec![
            login("browser", "{ada/}"),
            vec![
                say("POST", "{base}hub/api/users/{ada/}/tokens").json("{}"),
                say("POST", "{base}hub/api/users/{ada/}/tokens?_xsrf=wrong").json("{}"),
                say("POST", "{base}hub/api/users/{ada/}/tokens?_xsrf={xsrf}").form("a=b"),
                say("POST", "{base}hub/api/users/{ada/}/tokens?_xsrf={xsrf}").json("{}"),
                say("DELETE", "{base}hub/api/users/{ada/}/server"),
                say("DELETE", "{base}hub/api/users/{ada/}/server").header("X-XSRFToken", "{xsrf}"),
            ],
        ]),
        conversation("identity", "tokens", "tokens are made, listed and revoked", vec![
            login("browser", "{ada/}"),
            own_token("browser", "{ada/}", "mine"),
            vec![
                say("POST", "{base}hub/api/users/{ada/}/tokens")
                    .token("mine")
                    .json("{\"note\": \"for a test\", \"expires_in\": 3600, \"scopes\": [\"read:users!user\"]}")
                    .remember("small", "/token")
                    .remember("small_id", "/id"),
                get("{base}hub/api/user").by("script").token("small"),
                get("{base}hub/api/users/{ada/}/tokens").token("mine").shape(),
                get("{base}hub/api/users/{ada/}/tokens/{small_id}").token("mine"),
                say("DELETE", "{base}hub/api/users/{ada/}/tokens/{small_id}").token("mine"),
                get("{base}hub/api/user").by("script").token("small"),
                get("{base}hub/api/users/{ada/}/tokens/{small_id}").token("mine").shape(),
            ],
        ]),
    ]
}
