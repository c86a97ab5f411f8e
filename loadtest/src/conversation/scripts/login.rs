//! The login form, its `_xsrf` rules, and logging out.

use super::super::script::{Conversation, Step, conversation, get, login, say};

const FORM: &str = "username={ada/}&password=pw&_xsrf={xsrf}";

fn page() -> Step {
    get("{base}hub/login?next=%2Fhub%2Fhome").looks("name=\"_xsrf\"").looks("name=\"username\"")
}

fn submit() -> Step {
    say("POST", "{base}hub/login?next=%2Fhub%2Fhome").form(FORM)
}

pub(super) fn conversations() -> Vec<Conversation> {
    vec![
        conversation(
            "login",
            "form",
            "a login by form sets three cookies and leads to `next`",
            vec![vec![page(), submit(), get("{location}").looks("{ada}")]],
        ),
        conversation(
            "login",
            "without-next",
            "a login without `next` leads to the start of a server",
            vec![vec![
                get("{base}hub/login").looks("name=\"_xsrf\""),
                say("POST", "{base}hub/login").form(FORM),
            ]],
        ),
        conversation(
            "login",
            "multipart",
            "a form may be multipart",
            vec![vec![
                page().aside(),
                Step {
                    body: Some(
                        "--XX\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\n{ada}\r\n--XX\r\n\
                     Content-Disposition: form-data; name=\"password\"\r\n\r\npw\r\n--XX\r\n\
                     Content-Disposition: form-data; name=\"_xsrf\"\r\n\r\n{xsrf}\r\n--XX--\r\n"
                            .to_owned(),
                    ),
                    ..say("POST", "{base}hub/login")
                        .header("Content-Type", "multipart/form-data; boundary=XX")
                },
            ]],
        ),
        conversation(
            "login",
            "wrong-password",
            "a wrong password is 403 with the form again, no cookies",
            vec![vec![
                page().aside(),
                say("POST", "{base}hub/login")
                    .form("username={ada/}&password=wrong&_xsrf={xsrf}")
                    .looks("Invalid username or password")
                    .looks("name=\"_xsrf\""),
                submit(),
            ]],
        ),
        conversation(
            "login",
            "invalid-form",
            "a form without a valid token is 403 with a fresh token that works",
            vec![vec![
                say("POST", "{base}hub/login")
                    .form("username={ada/}&password=pw")
                    .looks("Login form invalid or expired. Try again.")
                    .looks("name=\"_xsrf\""),
                say("POST", "{base}hub/login").form("username={ada/}&password=pw&_xsrf=wrong"),
                submit(),
            ]],
        ),
        conversation(
            "login",
            "token-without-cookie",
            "the body's token alone is not enough",
            vec![vec![
                page().aside(),
                say("POST", "{base}hub/login")
                    .form(FORM)
                    .looks("Login form invalid or expired. Try again.")
                    .header("X-Real-IP", "192.0.2.7"),
            ]],
        ),
        conversation(
            "login",
            "other-browser",
            "a form's token belongs to the browser that got it",
            vec![vec![
                page().aside(),
                submit()
                    .header("User-Agent", "another/1.0")
                    .looks("Login form invalid or expired. Try again."),
            ]],
        ),
        conversation(
            "login",
            "same-address",
            "a token holds as long as X-Real-IP stays the same",
            vec![vec![
                page().header("X-Real-IP", "192.0.2.7").aside(),
                submit().header("X-Real-IP", "192.0.2.7").header("X-Forwarded-For", "198.51.100.1"),
            ]],
        ),
        conversation(
            "login",
            "late-session",
            "a session that came after the form makes the form invalid",
            vec![vec![
                page().aside(),
                submit()
                    .cookie("jupyterhub-session-id=0123456789abcdef0123456789abcdef@{base}")
                    .looks("Login form invalid or expired. Try again."),
            ]],
        ),
        conversation(
            "login",
            "foreign-cookie",
            "a login cookie that proves nobody is deleted",
            vec![vec![
                get("{base}hub/home").cookie(
                    "jupyterhub-hub-login=\"2|1:0|10:1|20:jupyterhub-hub-login|4:YWJj|00\"@{base}hub/",
                ),
                get("{base}hub/login")
                    .cookie("jupyterhub-hub-login=foreign@{base}hub/")
                    .looks("name=\"_xsrf\""),
                get("{base}hub/api/user").cookie("jupyterhub-hub-login=foreign@{base}hub/"),
            ]],
        ),
        conversation(
            "login",
            "again",
            "who is logged in is sent on from the login page",
            vec![
                login("browser", "{ada/}"),
                vec![get("{base}hub/login?next=%2Fhub%2Ftoken"), get("{base}hub/login")],
            ],
        ),
        conversation(
            "login",
            "without-session",
            "a login cookie alone is enough, and begins a new session",
            vec![
                login("browser", "{ada/}"),
                vec![get("{base}hub/home").cookie("-jupyterhub-session-id").looks("{ada}")],
            ],
        ),
        conversation(
            "login",
            "elsewhere",
            "`next` never leads off the site",
            vec![
                login("browser", "{ada/}"),
                vec![
                    get("{base}hub/login?next=https%3A%2F%2Fevil.example%2F"),
                    get("{base}hub/login?next=%2F%2Fevil.example%2F"),
                    get("{base}hub/login?next=%2F%2F%2Fevil.example%2F"),
                    get("{base}hub/login?next=%5C%5Cevil.example%2F"),
                    get("{base}hub/login?next=http%3A%2F%2F{host}%2Fhub%2Ftoken%3Fa%3Db"),
                ],
            ],
        ),
        conversation(
            "login",
            "secure",
            "X-Scheme https makes cookies Secure, but for the token",
            vec![vec![page().header("X-Scheme", "https"), submit().header("X-Scheme", "https")]],
        ),
        conversation(
            "login",
            "forwarded-proto",
            "behind the proxy X-Forwarded-Proto alone does not",
            vec![vec![
                page().header("X-Forwarded-Proto", "https").aside(),
                submit().header("X-Forwarded-Proto", "https"),
            ]],
        ),
        conversation(
            "login",
            "logout",
            "a logout clears the cookies at their paths",
            vec![login("browser", "{ada/}"), vec![get("{base}hub/logout"), get("{base}hub/home")]],
        ),
        conversation(
            "login",
            "logout-anonymous",
            "a logout of nobody clears nothing",
            vec![vec![get("{base}hub/logout")]],
        ),
        conversation(
            "login",
            "signup",
            "a hub whose authenticator signs nobody up has no page for it",
            vec![vec![
                get("{base}hub/signup").looks("404 :"),
                get("{base}hub/login").aside(),
                say("POST", "{base}hub/signup").form("username={ada/}&_xsrf={xsrf}").looks("404 :"),
            ]],
        ),
        conversation(
            "login",
            "replayed-cookie",
            "a login cookie works on after the logout",
            vec![
                login("browser", "{ada/}"),
                vec![
                    get("{base}hub/home").cookie("kept={cookie:jupyterhub-hub-login}@{base}hub/").aside(),
                    get("{base}hub/logout").aside(),
                    get("{base}hub/home")
                        .cookie("jupyterhub-hub-login={cookie:kept}@{base}hub/")
                        .looks("{ada}"),
                ],
            ],
        ),
    ]
}
