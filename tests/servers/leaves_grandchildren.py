"""A polite server that leaves two processes behind, and tells their pids in its first message.

One stays in its process group; the other is daemonised: setsid and a double fork. Both ignore SIGTERM and
hold its stdout open.
"""

import os
import signal
import time
from typing import NoReturn

from stdio import answer, messages, send


def linger() -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def daemonise() -> int:
    """Return the pid of a process whose parent has ended and whose session is its own."""
    readable, writable = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writable, str(os.getpid()).encode())
            linger()
        os._exit(0)
    os.waitpid(middle, 0)
    return int(os.read(readable, 20))


in_group = os.fork()
if in_group == 0:
    linger()
daemon = daemonise()
send({"method": "notifications/pids", "params": {"in_group": in_group, "daemon": daemon}})
for message in messages():
    if "id" in message:
        answer(message, {})
