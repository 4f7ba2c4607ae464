"""A server that ignores SIGTERM and the end of its stdin: only SIGKILL ends it."""

import signal
import time

from stdio import send

signal.signal(signal.SIGTERM, signal.SIG_IGN)
send({"method": "notifications/message", "params": {"level": "info", "data": "SIGTERM is ignored"}})
while True:
    time.sleep(60)
