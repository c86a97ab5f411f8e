"""The real JupyterHub at which conversations are recorded and compared.

Run it in an empty folder; `configurable-http-proxy` and `jupyterhub-singleuser` are found on PATH:

    RECORD_PORT=21500 jupyterhub -f .../loadtest/recordings/jupyterhub_config.py

It uses the ports RECORD_PORT (public), +1 (the proxy's API), +2 (the hub) and +3 (the service `whoami`).
Everybody logs in with the password `pw`; with RECORD_PROVIDER=http://127.0.0.1:9000 at that provider instead
(needs oauthenticator). With RECORD_SPAWN_LIMIT=1 it starts one server at a time. Users whose name begins with
`lab-` get JupyterLab, all others JupyterHub's own test server, which is up in a second. Every start takes 1.5 s longer, so that "pending" can be seen.
"""

import asyncio
import os
import sys

c = get_config()  # noqa: F821

here = os.path.dirname(os.path.abspath(__file__))
port = int(os.environ.get("RECORD_PORT", "21500"))
provider = os.environ.get("RECORD_PROVIDER")

c.JupyterHub.bind_url = f"http://127.0.0.1:{port}{os.environ.get('RECORD_BASE_URL', '/')}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 1}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port + 2}"
c.JupyterHub.db_url = "sqlite:///recording.sqlite"
c.JupyterHub.cookie_secret_file = "recording_cookie_secret"
c.JupyterHub.template_vars = {"announcement": "served by recorded"}

if provider:
    c.JupyterHub.authenticator_class = "generic-oauth"
    c.GenericOAuthenticator.client_id = "jupyterhub"
    c.GenericOAuthenticator.client_secret = "unused"
    c.GenericOAuthenticator.authorize_url = f"{provider}/authorize"
    c.GenericOAuthenticator.token_url = f"{provider}/token"
    c.GenericOAuthenticator.userdata_url = f"{provider}/userinfo"
    c.GenericOAuthenticator.username_claim = "username"
    c.Authenticator.auto_login = True
else:
    c.JupyterHub.authenticator_class = "jupyterhub.auth.DummyAuthenticator"
    c.DummyAuthenticator.password = "pw"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"admin"}

c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = os.path.join(os.getcwd(), "home", "{username}")
c.JupyterHub.allow_named_servers = True
c.JupyterHub.authenticate_prometheus = True


async def choose_server(spawner):
    if spawner.user.name.startswith("lab-"):
        spawner.cmd = ["jupyterhub-singleuser"]
        spawner.args = ["--allow-root"]
    else:
        spawner.cmd = [sys.executable, "-m", "jupyterhub.tests.mocksu"]
        spawner.args = []
    await asyncio.sleep(1.5)


c.Spawner.pre_spawn_hook = choose_server
c.JupyterHub.concurrent_spawn_limit = int(os.environ.get("RECORD_SPAWN_LIMIT", "100"))

c.JupyterHub.load_groups = {"recorded": {"users": ["admin"]}}
c.JupyterHub.services = [
    {
        "name": "whoami",
        "url": f"http://127.0.0.1:{port + 3}",
        "command": [sys.executable, os.path.join(here, "whoami_service.py")],
    }
]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=whoami"]},
]
