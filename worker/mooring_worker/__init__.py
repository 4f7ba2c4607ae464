"""The worker agent: one process, many sessions, one child process each."""
