"""A server that dies slowly at its start: it reads no more, and exits with code 3 a little later."""

import os
import sys
import time

os.close(0)
print("cannot find the database", file=sys.stderr, flush=True)
time.sleep(0.3)
sys.exit(3)
