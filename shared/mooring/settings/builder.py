"""What builders are told."""

from dataclasses import dataclass

from mooring.settings.from_environment import FromEnvironment


@dataclass(frozen=True)
class BuilderSettings(FromEnvironment):
    """Of what makes bundles of the sources that publishers bring: what one build may take."""

    builds: int = 2
    """At once."""
    build_seconds: float = 900.0
    build_memory_bytes: int = 4_294_967_296
    """Resident, of all processes of a build together."""
    build_disk_bytes: int = 4_294_967_296
    build_processes: int = 1024
    unused_bundle_days: float = 7.0
    """How long a bundle stays that no release names any more; sessions that run of it end meanwhile."""
    build_hosts: str = ""
    """Hosts in one's own network that builds may reach, a mirror of packages for one: `host` or `host:port`,
    separated by spaces. Those outside they reach without."""


@dataclass(frozen=True)
class RemoteBuildSettings(BuilderSettings):
    """Of one build on a machine of its own."""

    build_order: str = ""
    """Where it gets its order."""
    build_uid: int = 0
    """The user that what strangers wrote runs as, if it is begun by root; 0: the one that began it."""
