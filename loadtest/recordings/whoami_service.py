"""A managed service that says who the visitor is, for recorded conversations."""

import os
from urllib.parse import urlparse

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler, authenticated


class WhoAmI(HubOAuthenticated, RequestHandler):
    @authenticated
    def get(self):
        user = self.get_current_user()
        self.write({"service": "whoami", "user": user["name"], "admin": user["admin"]})


prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
app = Application(
    [(prefix + "oauth_callback", HubOAuthCallbackHandler), (prefix + ".*", WhoAmI)],
    cookie_secret=os.urandom(32),
)
url = urlparse(os.environ["JUPYTERHUB_SERVICE_URL"])
app.listen(url.port, url.hostname)
IOLoop.current().start()
