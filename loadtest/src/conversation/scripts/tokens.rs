//! Tokens and codes in other places than a header: whose token is this, whose cookie, and a code for a token.

use super::super::script::{Conversation, Step, conversation, get, login, own_token, say};

/// What a server says when it exchanges a code, with parts of it wrong.
fn token_request(form: &str) -> Step {
    say("POST", "{base}hub/api/oauth2/token").form(form)
}

pub(super) fn conversations() -> Vec<Conversation> {
    vec![
        conversation(
            "tokens",
            "whose-token",
            "whose a token is, is told to whoever has a token",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    get("{base}hub/api/authorizations/token/{mine}").by("script").token("mine").shape(),
                    get("{base}hub/api/authorizations/token/no-such-token").by("script").token("mine"),
                    get("{base}hub/api/authorizations/token/{mine}").by("nobody"),
                    get("{base}hub/api/authorizations/token/{mine}"),
                    say("POST", "{base}hub/api/authorizations/token").by("script").token("mine"),
                ],
            ],
        ),
        conversation(
            "tokens",
            "whose-cookie",
            "whose a login cookie is, too",
            vec![
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    get("{base}hub/api/authorizations/cookie/jupyterhub-hub-login/no-such-cookie")
                        .by("script")
                        .token("mine"),
                    get("{base}hub/api/authorizations/cookie/jupyterhub-hub-login/no-such-cookie")
                        .by("nobody"),
                    get("{base}hub/api/authorizations/cookie/jupyterhub-hub-login/no-such-cookie"),
                ],
            ],
        ),
        conversation(
            "tokens",
            "code",
            "a code is exchanged for a client that the hub knows, and nobody else",
            vec![vec![
                token_request(
                    "grant_type=authorization_code&client_id=jupyterhub-user-{ada/}&client_secret=x&code=x\
                     &redirect_uri=%2Fuser%2F{ada/}%2Foauth_callback",
                ),
                token_request(
                    "grant_type=authorization_code&client_id=service-whoami&client_secret=x&code=x",
                ),
                token_request("client_id=service-whoami"),
                token_request("grant_type=password&client_id=service-whoami&client_secret=x"),
                token_request(""),
                get("{base}hub/api/oauth2/token"),
            ]],
        ),
    ]
}
