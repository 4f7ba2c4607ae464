"""A server that says what is wrong on stderr and exits with code 3 before its first message."""

import sys

print("cannot find the database", file=sys.stderr)
sys.exit(3)
