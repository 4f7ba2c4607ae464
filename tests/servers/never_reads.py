"""A server that writes one notification and never reads its stdin; only SIGTERM ends it."""

import time

from stdio import send

send({"method": "notifications/message", "params": {"level": "info", "data": "here"}})
while True:
    time.sleep(60)
