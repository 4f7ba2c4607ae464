"""A server that needs its configuration: argument `--city`, environment API_KEY; it exits without them.

`config` answers with its arguments, whether the key was there, and its working folder.
"""

import os
import sys
from pathlib import Path

from stdio import answer, initialized, messages, refuse

if "--city" not in sys.argv or not os.environ.get("API_KEY"):
    sys.exit("usage: API_KEY=... needs_config.py --city NAME")

for message in messages():
    match message.get("method"):
        case "initialize":
            answer(message, initialized(message, "needs-config"))
        case "config":
            answer(message, {"arguments": sys.argv[1:], "key": os.environ["API_KEY"], "cwd": str(Path.cwd())})
        case str() if "id" in message:
            refuse(message, -32601, "no such method")
