"""Runs cell after cell in one kernel over one WebSocket, for as long as it lives.

    kernel.py ORIGIN USER OUTPUT        (the user's API token comes in KERNEL_TOKEN)

One line of JSON per cell: its number, when its answer had come (milliseconds since 1970), how long it took, and what it
printed. The socket is never opened a second time: a line with `closed` is the last one.
"""

import asyncio
import json
import os
import sys
import time
import uuid

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

PAUSE = 0.2  # seconds between two cells
PATIENCE = 20  # seconds for one cell

origin, user, output = sys.argv[1:]
headers = {"Authorization": f"token {os.environ['KERNEL_TOKEN']}"}
out = open(output, "w", buffering=1)


def say(**what):
    print(json.dumps({"at": round(time.time() * 1000), **what}), file=out)


def execute(code):
    header = {
        "msg_id": uuid.uuid4().hex,
        "username": user,
        "session": "cells",
        "msg_type": "execute_request",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }


async def printed(socket, message):
    """What the cell printed; None when the socket has closed."""
    text = ""
    while True:
        answer = await socket.read_message()
        if answer is None:
            return None
        answer = json.loads(answer)
        if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if answer["msg_type"] == "stream":
            text += answer["content"]["text"]
        if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
            return text.strip()


async def main():
    base = f"{origin}/user/{user}/api/kernels"
    made = HTTPRequest(base, method="POST", headers=headers, body="{}", request_timeout=60)
    kernel = json.loads((await AsyncHTTPClient().fetch(made)).body)["id"]
    address = base.replace("http:", "ws:", 1)
    socket = await websocket_connect(HTTPRequest(f"{address}/{kernel}/channels", headers=headers, request_timeout=60))
    number = 0
    while True:
        number += 1
        began = time.monotonic()
        message = execute(f"import os; print({number} * {number}, os.environ['HUB_THAT_SPAWNED_ME'])")
        await socket.write_message(json.dumps(message))
        text = await asyncio.wait_for(printed(socket, message), PATIENCE)
        if text is None:
            break
        say(cell=number, ms=round((time.monotonic() - began) * 1000), text=text)
        await asyncio.sleep(PAUSE)
    say(closed=socket.close_code, why=socket.close_reason)


try:
    asyncio.run(main())
except Exception as error:
    say(closed=None, why=repr(error))
