//! Pages and plain answers of the hub, and what stands outside `/hub/`.

use super::super::script::{Conversation, Step, admin, conversation, get, login, own_token, say};

/// Asks for what only operators may see or do.
fn inner_workings() -> Vec<Step> {
    vec![
        get("{base}hub/metrics"),
        get("{base}hub/api/metrics"),
        get("{base}hub/api/info"),
        get("{base}hub/api/proxy"),
        say("POST", "{base}hub/api/shutdown").json("{}").by("script"),
    ]
}

pub(super) fn conversations() -> Vec<Conversation> {
    vec![
        conversation(
            "pages",
            "root",
            "the root leads to the login, or to the start of a server",
            vec![
                vec![get("{base}"), get("{base}hub"), get("{base}hub/")],
                login("browser", "{ada/}"),
                vec![get("{base}hub/"), get("{base}hub/?a=b")],
            ],
        ),
        conversation(
            "pages",
            "anonymous",
            "pages lead nobody to the login, with the way back",
            vec![vec![
                get("{base}hub/home"),
                get("{base}hub/token"),
                get("{base}hub/admin"),
                get("{base}hub/spawn?a=b&c=d"),
                get("{base}hub/spawn/{ada/}"),
                get("{base}hub/spawn-pending/{ada/}"),
                get("{base}hub/user/{ada/}/lab?x=1"),
                get("{base}hub/user-redirect/lab/tree/x.ipynb"),
                get("{base}hub/accept-share?code=abc"),
            ]],
        ),
        conversation(
            "pages",
            "home",
            "home, token page and admin page",
            vec![
                login("browser", "{ada/}"),
                vec![
                    get("{base}hub/home").looks("id=\"start\"").looks("{ada}").looks("xsrf_token"),
                    get("{base}hub/token").looks("Request new API token"),
                    get("{base}hub/admin"),
                ],
                admin(),
                vec![get("{base}hub/admin").by("admin").looks("react-admin-hook").looks("xsrf_token")],
            ],
        ),
        conversation(
            "pages",
            "unknown",
            "an unknown page is 404, with a token for the page",
            vec![vec![
                get("{base}hub/no/such/page").looks("404 :"),
                get("{base}hub/api/no/such"),
                say("POST", "{base}hub/no/such/page").form("a=b"),
            ]],
        ),
        conversation(
            "pages",
            "outside",
            "what is outside the hub is sent inside",
            vec![vec![
                get("{base}foo?x=1"),
                get("{base}favicon.ico"),
                get("{base}user/{ada/}"),
                get("{base}user/{ada/}?x=1"),
                get("{base}user/{ada/}/"),
                get("{base}user/{ada/}/lab?x=%2F1"),
                get("{base}services/nothing/here"),
            ]],
        ),
        conversation(
            "pages",
            "health",
            "health and version are for everybody",
            vec![vec![
                get("{base}hub/health"),
                get("{base}hub/api/health"),
                get("{base}hub/api"),
                get("{base}hub/api/"),
                get("/_chp_healthz"),
            ]],
        ),
        conversation(
            "pages",
            "refused",
            "metrics and inner workings are for those with the right",
            vec![inner_workings(), login("browser", "{ada/}"), inner_workings()],
        ),
        conversation(
            "pages",
            "inner-workings",
            "an admin's token sees them",
            vec![
                admin(),
                vec![
                    get("{base}hub/metrics").by("script").token("admin_token"),
                    get("{base}hub/api/info").by("script").token("admin_token").shape(),
                    say("POST", "{base}hub/api/proxy").by("script").token("admin_token"),
                ],
            ],
        ),
        conversation(
            "pages",
            "static",
            "static files, with and without their version",
            vec![vec![
                get("{base}hub/static/css/style.min.css?v=abc"),
                get("{base}hub/static/css/style.min.css"),
                get("{base}hub/static/favicon.ico"),
                get("{base}hub/logo"),
                get("{base}hub/static/no/such.css"),
            ]],
        ),
        conversation(
            "pages",
            "error",
            "error pages are pages",
            vec![vec![
                get("{base}hub/error/503").looks("503 : Service Unavailable"),
                get("{base}hub/error/404").looks("404 : Not Found"),
            ]],
        ),
        conversation(
            "pages",
            "csp-report",
            "reports are taken from users",
            vec![
                vec![say("POST", "{base}hub/security/csp-report").json("{}")],
                login("browser", "{ada/}"),
                own_token("browser", "{ada/}", "mine"),
                vec![
                    say("POST", "{base}hub/security/csp-report").json("{}"),
                    say("POST", "{base}hub/security/csp-report?_xsrf={xsrf}").json("{}"),
                ],
            ],
        ),
    ]
}
