"""A page that says who is looking, for a hub's managed service and as a notebook server that starts in a second.

It logs its visitors in through the hub exactly as JupyterLab does (the hub's own helper library: OAuth hop, cookie,
token), so routers and browsers meet the same conversation. Everything it needs comes from the environment that the
hub gives to services and servers.
"""

import asyncio
import html
import os
import re
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from jupyterhub.utils import url_path_join
from tornado.web import Application, RequestHandler, authenticated


class WhoAmI(HubOAuthenticated, RequestHandler):
    @authenticated
    def get(self):
        visitor = html.escape(self.get_current_user()["name"])
        hub = html.escape(os.environ.get("HUB_THAT_SPAWNED_ME", "?"))
        self.write(
            f"<!doctype html><title>who am I</title>"
            f'<p>visitor: <b id="visitor">{visitor}</b></p><p>hub: <b id="hub">{hub}</b></p>'
        )


async def main():
    prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    app = Application(
        [
            (re.escape(url_path_join(prefix, "oauth_callback")), HubOAuthCallbackHandler),
            (r".*", WhoAmI),
        ],
        cookie_secret=os.urandom(32),
    )
    app.listen(address.port, address.hostname)
    await asyncio.Event().wait()


asyncio.run(main())
