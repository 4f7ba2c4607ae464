"""What the run on one machine is told."""

from dataclasses import dataclass

from mooring.settings.from_environment import FromEnvironment


@dataclass(frozen=True)
class LocalSettings(FromEnvironment):
    """Of the run on one machine, and of the `mooring` command that talks to it."""

    home: str = ".mooring"
    host: str = "127.0.0.1"
    port: int = 8484
    url: str = ""
    """Another Mooring for the `mooring` command to talk to; empty: the one of `home`."""
    api_key: str = ""
    shuffle_seed: int = -1
    """From 0: frames are handed over out of order, as AWS may do, by this seed of chance; for tests."""
    log_level: str = "WARNING"
