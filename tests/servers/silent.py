"""A server that reads everything, answers nothing, and exits when its stdin closes."""

import sys

for _line in sys.stdin:
    pass
