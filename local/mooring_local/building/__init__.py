"""Bundles of sources: repositories, packages, uploads and server.json documents, installed and built.

`install` is run in a process of its own that has no credentials: what it runs is a stranger's code.
"""

from mooring_local.building.identities import identity
from mooring_local.building.installing import install

__all__ = ["identity", "install"]
