"""Servers that are nothing but rows and routes, so that one machine can have hundreds: the port of all of them is one.

Whoever listens there answers the hub's question whether the server is up. JupyterHub itself is unmodified: to it these are
servers like any other.
"""

from jupyterhub.spawner import Spawner
from traitlets import Bool, Integer


class FakeSpawner(Spawner):
    shared_port = Integer(config=True, help="Where all servers are.")
    started = Bool(False)

    async def start(self):
        self.started = True
        return ("127.0.0.1", self.shared_port)

    async def stop(self, now=False):
        self.started = False

    async def poll(self):
        return None if self.started else 0
