"""Runs one command and ends everything it started, whatever happens.

    keeper.py COMMAND [ARGUMENT ...]

Notebook servers leave the process group of their hub, so neither Ctrl-C nor a dead parent reaches them. The
keeper adopts every orphan below it (Linux: "child subreaper") and ends the whole tree when the command has ended,
when its own standard input closes (the caller is gone), or on SIGTERM. It ends no other process.
Its exit code is the command's.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
GRACE = 5.0  # seconds between the polite signal and the final one


def descendants(root):
    """All processes below `root`, found through their parents' ids."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as stat:
                # The command's name may hold spaces and brackets: the parent's id is the second field after it.
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue  # ended meanwhile
        children.setdefault(parent, []).append(int(entry))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def signal_all(number):
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end_tree():
    """Asks everything below to end, then makes it end."""
    signal_all(signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while descendants(os.getpid()) and time.monotonic() < deadline:
        reap()
        time.sleep(0.05)
    while descendants(os.getpid()):
        signal_all(signal.SIGKILL)
        reap()
        time.sleep(0.05)


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_when_the_caller_is_gone():
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


class Ended(Exception):
    pass


def stop(_number, _frame):
    raise Ended


def main():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("keeper: this system cannot adopt orphaned processes (Linux is needed)")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller gets it too, and its end closes our standard input
    signal.signal(signal.SIGTERM, stop)
    code = 1
    try:
        command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
        threading.Thread(target=end_when_the_caller_is_gone, daemon=True).start()
        while True:
            pid, status = os.wait()
            if pid == command.pid:
                code = os.waitstatus_to_exitcode(status)
                break
    except Ended:
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_tree()
    # A standard input that never closes must not keep this process: no waiting for the thread above.
    os._exit(code if code >= 0 else 128 - code)


main()
