"""An OAuth 2 identity provider for one machine: a login page, remembered logins, PKCE, and no security at all.

    provider.py PORT

GET /authorize shows the login page unless the browser is logged in here already; POST /authorize logs in. Both send
the browser back to `redirect_uri` with a code. GET /seen counts the login pages shown so far.
"""

import asyncio
import base64
import hashlib
import html
import json
import secrets
import sys
from urllib.parse import urlencode

from tornado.web import Application, RequestHandler

codes = {}  # code -> (user, PKCE challenge or None)
tokens = {}  # access token -> user
login_pages = 0


class Authorize(RequestHandler):
    def get(self):
        user = self.get_cookie("provider-user")
        if user:
            return self.send_back(user)
        global login_pages
        login_pages += 1
        self.write(
            "<!doctype html><title>Provider</title><h1>Log in at the provider</h1>"
            f'<form method="post" action="{html.escape(self.request.uri)}">'
            '<input name="user" aria-label="user"><button>Log in</button></form>'
        )

    def post(self):
        user = self.get_body_argument("user")
        self.set_cookie("provider-user", user)
        self.send_back(user)

    def send_back(self, user):
        code = secrets.token_urlsafe(16)
        codes[code] = (user, self.get_query_argument("code_challenge", None))
        answer = urlencode({"code": code, "state": self.get_query_argument("state", "")})
        self.redirect(f"{self.get_query_argument('redirect_uri')}?{answer}")


class Token(RequestHandler):
    def post(self):
        user, challenge = codes.pop(self.get_body_argument("code"), (None, None))
        if user is None or not self.is_proof_of(challenge):
            self.set_status(400)
            return self.write({"error": "invalid_grant"})
        token = secrets.token_urlsafe(16)
        tokens[token] = user
        self.write({"access_token": token, "token_type": "Bearer"})

    def is_proof_of(self, challenge):
        if challenge is None:
            return True
        digest = hashlib.sha256(self.get_body_argument("code_verifier", "").encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge


class UserInfo(RequestHandler):
    def get(self):
        user = tokens.get(self.request.headers.get("Authorization", "").partition(" ")[2])
        if user is None:
            self.set_status(401)
            return self.write({"error": "invalid_token"})
        self.write({"sub": user})


class Seen(RequestHandler):
    def get(self):
        self.write(json.dumps({"login_pages": login_pages}))


async def main(port):
    routes = [("/authorize", Authorize), ("/token", Token), ("/userinfo", UserInfo), ("/seen", Seen)]
    Application(routes).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1])))
