//! A user's server: its OAuth hop, cookies, contents and kernels; real ones run JupyterLab.

use super::super::script::{Conversation, Step, conversation, get, login, own_token, say, wait_for};

fn running() -> Vec<Step> {
    [login("browser", "{lab/}"), vec![get("{base}hub/spawn").aside()], wait_for("browser", "{lab/}")].concat()
}

/// Logged in at the server too; not kept.
fn inside() -> Vec<Step> {
    let hop = vec![
        get("{base}user/{lab/}/lab").aside(),
        get("{location}").aside(),
        get("{location}").aside(),
        get("{location}").aside(),
    ];
    [running(), hop].concat()
}

fn socket(path: &str) -> Step {
    get(path)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Protocol", "v1.kernel.websocket.jupyter.org")
}

pub(super) fn conversations() -> Vec<Conversation> {
    let file = "{base}user/{lab/}/api/contents/x.txt";
    let text = "{\"type\": \"file\", \"format\": \"text\", \"content\": \"hello\"}";
    vec![
        conversation(
            "server",
            "hop",
            "the way into one's own server, cookie by cookie",
            vec![
                running(),
                vec![
                    get("{base}user/{lab/}/"),
                    get("{location}"),
                    get("{location}"),
                    get("{location}"),
                    get("{location}").looks("jupyter-config-data"),
                ],
            ],
        ),
        conversation(
            "server",
            "bare",
            "the bare name of a running server gets its slash",
            vec![running(), vec![get("{base}user/{lab/}?x=1")]],
        ),
        conversation(
            "server",
            "two-hops",
            "two hops at once have two state cookies",
            vec![
                running(),
                vec![
                    get("{base}user/{lab/}/lab"),
                    get("{base}user/{lab/}/lab?x=1"),
                    get("{location}"),
                    get("{location}"),
                    get("{location}").looks("jupyter-config-data"),
                ],
            ],
        ),
        conversation(
            "server",
            "bad-state",
            "a callback with a foreign state is 403",
            vec![
                running(),
                vec![
                    get("{base}user/{lab/}/oauth_callback?code=abc&state=def"),
                    get("{base}user/{lab/}/oauth_callback"),
                ],
            ],
        ),
        conversation(
            "server",
            "anonymous",
            "the API of a server is 403 to nobody",
            vec![
                running(),
                vec![
                    get("{base}user/{lab/}/api/contents/x.txt").by("nobody"),
                    say("PUT", file).by("nobody").json(text),
                    socket("{base}user/{lab/}/api/kernels/01234567-0123-0123-0123-0123456789ab/channels")
                        .by("nobody"),
                    get("{base}user/{lab/}/no/such/page").by("nobody").looks("404"),
                    get("{base}user/{lab/}/lab").by("nobody").header("Authorization", "token 0123456789"),
                    get("{base}user/{lab/}/api").by("nobody").shape(),
                ],
            ],
        ),
        conversation(
            "server",
            "contents",
            "saving needs the server's own token",
            vec![
                inside(),
                vec![
                    say("PUT", file).json(text),
                    say("PUT", file).json(text).header("X-XSRFToken", "{xsrf:user.lab}").shape(),
                    say("PUT", file).json(text).header("X-XSRFToken", "{xsrf:user.lab}").shape(),
                    get(file).shape(),
                    get("{base}user/{lab/}/api/contents/none.txt").shape(),
                    get(file).header("Origin", "http://evil.example").shape(),
                ],
            ],
        ),
        conversation(
            "server",
            "token",
            "a token of the owner opens the API without cookies",
            vec![
                running(),
                own_token("browser", "{lab/}", "mine"),
                vec![
                    say("PUT", file).by("script").token("mine").json(text).shape(),
                    get(file).by("script").token("mine").shape(),
                    get(file).by("script").header("Authorization", "token 0123456789"),
                ],
            ],
        ),
        conversation(
            "server",
            "kernel",
            "a kernel's WebSocket speaks its subprotocol, and minds the origin",
            vec![
                inside(),
                vec![
                    say("POST", "{base}user/{lab/}/api/kernels")
                        .json("{\"name\": \"python3\"}")
                        .header("X-XSRFToken", "{xsrf:user.lab}")
                        .remember("kernel", "/id")
                        .shape(),
                    socket("{base}user/{lab/}/api/kernels/{kernel}/channels"),
                    socket("{base}user/{lab/}/api/kernels/{kernel}/channels")
                        .header("Origin", "http://{host}"),
                    socket("{base}user/{lab/}/api/kernels/{kernel}/channels")
                        .header("Origin", "http://evil.example"),
                    socket("{base}user/{lab/}/api/kernels/{kernel}/channels")
                        .header("Origin", "http://{host}:80"),
                    say("DELETE", "{base}user/{lab/}/api/kernels/{kernel}")
                        .header("X-XSRFToken", "{xsrf:user.lab}"),
                ],
            ],
        ),
        conversation(
            "server",
            "logout",
            "a logout at the server ends its cookie and goes on to the hub",
            vec![
                inside(),
                vec![get("{base}user/{lab/}/logout"), get("{location}"), get("{base}user/{lab/}/lab")],
            ],
        ),
        conversation(
            "server",
            "hub-logout",
            "a logout at the hub ends the server's session at once",
            vec![inside(), vec![get("{base}hub/logout").aside(), get("{base}user/{lab/}/lab")]],
        ),
    ]
}
