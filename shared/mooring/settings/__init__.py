"""What the environment sets: the one place that reads it.

Every field of a settings class is the variable `MOORING_<FIELD>`. Durations end in `_seconds`,
sizes in `_bytes`, which may be written as 512MiB. `docs/settings.md` lists them for operators.
"""

from mooring.settings.aws import AwsSettings
from mooring.settings.builder import BuilderSettings, RemoteBuildSettings
from mooring.settings.from_environment import SettingsError
from mooring.settings.functions import Settings
from mooring.settings.local import LocalSettings
from mooring.settings.user import configuration_folder
from mooring.settings.whole import inherited, one_blas_thread, path_first, publish, whole
from mooring.settings.worker import WorkerSettings

__all__ = [
    "AwsSettings",
    "BuilderSettings",
    "LocalSettings",
    "RemoteBuildSettings",
    "Settings",
    "SettingsError",
    "WorkerSettings",
    "configuration_folder",
    "inherited",
    "one_blas_thread",
    "path_first",
    "publish",
    "whole",
]
