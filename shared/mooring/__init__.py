"""What the functions, the worker, the command line and the local run share."""

__version__ = "0.1.0"
