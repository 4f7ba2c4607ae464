"""What the builder of the local run is told."""

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
