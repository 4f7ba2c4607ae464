"""Entries of other registries as servers of this one: pure mapping, no network."""
