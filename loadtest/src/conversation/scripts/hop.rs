//! The hub as the servers' OAuth provider.

use super::super::script::{Conversation, Step, conversation, get, login, say, wait_for};

const QUERY: &str = "client_id=jupyterhub-user-{ada/}&redirect_uri=%2Fuser%2F{ada/}%2Foauth_callback&\
    response_type=code&state=abc&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&\
    code_challenge_method=S256";

fn authorize() -> Step {
    get(&format!("{{base}}hub/api/oauth2/authorize?{QUERY}"))
}

fn owner() -> Vec<Step> {
    [login("owner", "{ada/}"), vec![get("{base}hub/spawn").by("owner").aside()], wait_for("owner", "{ada/}")]
        .concat()
}

pub(super) fn conversations() -> Vec<Conversation> {
    vec![
        conversation("hop", "own", "one's own server gets a code at once", vec![owner(), vec![authorize().by("owner")]]),
        conversation("hop", "anonymous", "nobody logs in first, and comes back", vec![
            owner(),
            vec![authorize(), get("{location}").looks("name=\"_xsrf\"")],
        ]),
        conversation("hop", "consent", "somebody else's server asks first", vec![
            owner(),
            login("browser", "admin"),
            vec![
                authorize().looks("Authorize").looks("name=\"scopes\""),
                say("POST", &format!("{{base}}hub/api/oauth2/authorize?{QUERY}")).form("scopes=access%3Aservers"),
                say("POST", &format!("{{base}}hub/api/oauth2/authorize?{QUERY}"))
                    .form("scopes=access%3Aservers%21server%3D{ada/}%2F&_xsrf={xsrf}"),
            ],
        ]),
        conversation("hop", "refused", "a server that one may not use is 403", vec![
            owner(),
            login("browser", "{bob/}"),
            vec![authorize().looks("You do not have permission to access")],
        ]),
        conversation("hop", "mistakes", "unknown clients and wrong addresses are 400", vec![
            owner(),
            vec![
                get("{base}hub/api/oauth2/authorize?client_id=jupyterhub-user-none&response_type=code&state=abc")
                    .by("owner"),
                get(
                    "{base}hub/api/oauth2/authorize?client_id=jupyterhub-user-{ada/}&\
                     redirect_uri=%2Fuser%2Feve%2Foauth_callback&response_type=code&state=abc",
                )
                .by("owner"),
            ],
        ]),
    ]
}
