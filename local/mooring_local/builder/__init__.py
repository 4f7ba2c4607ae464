"""The builder of the local run: takes releases from the queue, builds each apart, scans and publishes it.

A process of its own (`__main__`). What is built runs in another one that sees neither its memory nor its
files (`isolation`), and tells it line by line how far it is (`child`).
"""
