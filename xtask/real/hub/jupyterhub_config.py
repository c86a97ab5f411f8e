"""One real JupyterHub of the test site, as an operator would run it behind the router: unmodified.

What differs between hubs stands in the JSON file that REAL_HUB names (written by browser/hubs.mjs). The proxy is
started beside the hub and not by it, so that each of the two can die alone. Every hub draws its own cookie secret.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821

here = Path(__file__).resolve().parent
with open(os.environ["REAL_HUB"]) as file:
    hub = json.load(file)
state = Path(hub["state"])

c.JupyterHub.bind_url = f"http://127.0.0.1:{hub['proxy_port']}{hub['base_url']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{hub['hub_port']}"
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{state}/cookie_secret"
c.JupyterHub.template_vars = {"announcement": f"served by {hub['id']}"}
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{hub['proxy_api_port']}"
c.ConfigurableHTTPProxy.auth_token = hub["proxy_token"]

# A hub that is killed and comes back finds its servers and routes as they were.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False

# --- who may log in
c.Authenticator.allow_all = True
c.Authenticator.admin_users = set(hub["admins"])
if hub.get("provider"):
    c.JupyterHub.authenticator_class = "generic-oauth"
    c.Authenticator.auto_login = True
    oauth = c.GenericOAuthenticator
    oauth.client_id = "site"
    oauth.client_secret = "the-provider-does-not-ask"
    oauth.authorize_url = f"{hub['provider']}/authorize"
    oauth.token_url = f"{hub['provider']}/token"
    oauth.userdata_url = f"{hub['provider']}/userinfo"
    oauth.oauth_callback_url = f"{hub['site']}hub/oauth_callback"
    oauth.username_claim = "sub"
else:
    c.JupyterHub.authenticator_class = "dummy"
    c.DummyAuthenticator.password = hub["password"]

# --- servers: JupyterLab for those who work in it, a small one for those who only need to arrive
c.JupyterHub.spawner_class = "simple"
# Hubs that share their users' storage name one folder.
homes = hub.get("homes") or f"{state}/home"
c.SimpleLocalProcessSpawner.home_dir_template = f"{homes}/{{username}}"
c.Spawner.cmd = [sys.executable, str(here / "small_server.py")]
c.Spawner.environment = {
    "HUB_THAT_SPAWNED_ME": hub["id"],
    # The user's own Jupyter settings first, then ours: no question about news in the middle of a click.
    "JUPYTER_CONFIG_PATH": str(here.parent / "lab"),
}


if hub.get("fake_servers_port"):
    sys.path.insert(0, str(here))
    c.JupyterHub.spawner_class = "fake_spawner.FakeSpawner"
    c.FakeSpawner.shared_port = hub["fake_servers_port"]

# How soon the hub knows that a server is in use: usually within five minutes.
if hub.get("activity_seconds"):
    c.JupyterHub.last_activity_interval = hub["activity_seconds"]
    c.JupyterHub.activity_resolution = 0
    c.Spawner.environment["JUPYTERHUB_ACTIVITY_INTERVAL"] = str(hub["activity_seconds"])


async def before_start(spawner):
    """JupyterLab for its users; a wait for those whose start is to be watched."""
    if spawner.user.name in hub["lab_users"]:
        spawner.cmd = [str(Path(sys.executable).with_name("jupyterhub-singleuser"))]
        spawner.args = ["--allow-root", "--ServerApp.terminals_enabled=False"]
    if spawner.user.name in hub["slow_users"]:
        await asyncio.sleep(4)


c.Spawner.pre_spawn_hook = before_start

# --- the router's own token, a managed service, and what users may do
c.JupyterHub.services = [{"name": "router", "api_token": hub["api_token"]}]
c.JupyterHub.load_roles = [
    {
        "name": "router",
        "services": ["router"],
        "scopes": [
            "list:users",
            "read:users",
            "read:servers",
            "delete:servers",
            "proxy",
            "read:hub",
            # What the test itself does in an administrator's place.
            "admin:users",
            "admin:servers",
            "tokens",
            "shares",
        ],
    }
]
if hub.get("whoami_port"):
    c.JupyterHub.services.append(
        {
            "name": "whoami",
            "url": f"http://127.0.0.1:{hub['whoami_port']}",
            "command": [sys.executable, str(here / "small_server.py")],
            "environment": {"HUB_THAT_SPAWNED_ME": hub["id"]},
        }
    )
    c.JupyterHub.load_roles.append(
        {"name": "user", "scopes": ["self", "access:services!service=whoami"]}
    )
