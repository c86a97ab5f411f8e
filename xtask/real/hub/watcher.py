"""Counts servers in the databases of all hubs, ten times a second, and tells of every user with servers on two.

    watcher.py OUTPUT EXEMPT HUB=DATABASE ...

It reads what the hubs themselves have written and knows nothing of the router. One line of JSON for each thing seen:
a server that came or went, a user with servers on two hubs. EXEMPT is a file with one name a line: users whom an
operator has declared to be without a server at a dead hub; of these two rows are noted, and are no fault. On SIGTERM it
says how often it looked, and ends.
"""

import json
import os
import signal
import sqlite3
import sys
import time

PERIOD = 0.1  # seconds
QUERY = (
    "SELECT users.name, count(*) FROM spawners JOIN users ON spawners.user_id = users.id "
    "WHERE spawners.server_id IS NOT NULL GROUP BY users.name"
)


class Watcher:
    def __init__(self, output, exempt, databases):
        self.output = open(output, "w", buffering=1)
        self.exempt = exempt
        self.databases = databases
        self.connections = {}
        self.seen = {hub: frozenset() for hub in databases}
        self.doubles = set()
        self.looks = self.locked = 0
        self.longest = 0.0
        self.stopped = False

    def say(self, **what):
        print(json.dumps({"at": round(time.time() * 1000), **what}), file=self.output)

    def users(self, hub):
        """Who has a row there; what was seen last while the database is locked for a moment."""
        try:
            if hub not in self.connections:
                address = f"file:{self.databases[hub]}?mode=ro"
                self.connections[hub] = sqlite3.connect(address, uri=True, timeout=0.05)
            return frozenset(name for name, _count in self.connections[hub].execute(QUERY))
        except sqlite3.OperationalError:
            self.locked += 1
            return self.seen[hub]

    def exempted(self):
        if not os.path.exists(self.exempt):
            return set()
        with open(self.exempt) as file:
            return {line.strip() for line in file if line.strip()}

    def look(self):
        self.looks += 1
        for hub in self.databases:
            now = self.users(hub)
            for user in now - self.seen[hub]:
                self.say(kind="came", hub=hub, user=user)
            for user in self.seen[hub] - now:
                self.say(kind="went", hub=hub, user=user)
            self.seen[hub] = now
        doubles = set()
        for user in set().union(*self.seen.values()):
            hubs = sorted(hub for hub, users in self.seen.items() if user in users)
            if len(hubs) > 1:
                doubles.add((user, *hubs))
        for user, *hubs in doubles - self.doubles:
            self.say(kind="double", user=user, hubs=hubs, exempt=user in self.exempted())
        self.doubles = doubles

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopped", True))
        began = last = time.monotonic()
        while not self.stopped:
            self.look()
            time.sleep(max(0.0, last + PERIOD - time.monotonic()))
            now = time.monotonic()
            self.longest = max(self.longest, now - last)
            last = now
        pace = {"seconds": round(last - began), "longest_ms": round(self.longest * 1000)}
        self.say(kind="end", looks=self.looks, locked=self.locked, **pace)


Watcher(sys.argv[1], sys.argv[2], dict(pair.split("=", 1) for pair in sys.argv[3:])).run()
