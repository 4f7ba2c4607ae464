"""What the environment sets: the one place that reads it.

Every field of a settings class is the variable `MOORING_<FIELD>`. Durations end in `_seconds`,
sizes in `_bytes`, which may be written as 512MiB. `docs/settings.md` lists them for operators.
"""

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Self

_PREFIX = "MOORING_"
_ECS_URL = "http://169.254.170.2"  # of the agent of ECS, seen from a task
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_TRUE = frozenset({"1", "true", "yes", "on"})


class SettingsError(ValueError):
    """One or more variables of the environment are missing or malformed; the text names each."""


@dataclass(frozen=True)
class _FromEnvironment:
    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Build the settings from `environ`.

        Raises:
            SettingsError: names every missing or malformed variable at once.
        """
        values: dict[str, object] = {}
        problems: list[str] = []
        for one in fields(cls):
            variable = _PREFIX + one.name.upper()
            text = environ.get(variable)
            if text is None:
                if one.default is MISSING:
                    problems.append(f"{variable} is not set")
                continue
            try:
                values[one.name] = _convert(text, one.type)
            except ValueError:
                wanted = getattr(one.type, "__name__", one.type)
                problems.append(f"{variable} must be of type {wanted}")
        if problems:
            raise SettingsError("; ".join(problems))
        return cls(**values)


def _convert(text: str, wanted: object) -> object:
    if wanted is bool:
        return text.strip().lower() in _TRUE
    if wanted is int:
        unit = text[-3:]
        return int(text.removesuffix(unit)) * _UNITS[unit] if unit in _UNITS else int(text)
    if wanted is float:
        return float(text)
    return text


@dataclass(frozen=True)
class Settings(_FromEnvironment):
    """Of the functions: names of tables, addresses of the other parts, keys."""

    catalog_table: str = "mooring-catalog"
    keys_table: str = "mooring-keys"
    tickets_table: str = "mooring-tickets"
    profiles_table: str = "mooring-profiles"
    sessions_table: str = "mooring-sessions"
    workers_table: str = "mooring-workers"
    usage_table: str = "mooring-usage"
    connections_url: str = ""
    """Where @connections is served: `https://{api}.execute-api.{region}.amazonaws.com/{stage}`."""
    ws_url: str = ""
    """What connect URLs start with: `wss://host`."""
    public_url: str = ""
    """What links to the registry and the pages start with: `https://host`."""
    worker_secret: str = ""
    """Bearer of every call to a worker."""
    secret_key: str = ""
    """Base64 of the 32 bytes that seal stored configurations where there is no KMS."""
    kms_key_id: str = ""
    session_idle_seconds: float = 300.0
    resume_seconds: float = 300.0
    """How long a session waits for a client that said it may come back; 0: none is resumed."""
    principal_sessions: int = 0
    """At once; 0: no limit, as for the next five."""
    principal_starts_per_minute: int = 0
    principal_frames_per_second: int = 0
    """From clients, at one worker."""
    server_sessions: int = 0
    server_starts_per_minute: int = 0
    server_frames_per_second: int = 0
    key_requests_per_minute: int = 0
    """Of the registry's HTTP API, by one key, of one instance of the function; 0: no limit."""
    ledgers: str = ""
    """Folder of the workers' ledgers of requests in flight, where the workers run on this machine."""
    encoder: str = "static"
    """What finds servers by meaning: `static`, `minilm` or `bedrock`."""
    models: str = ""
    """Folder of the encoders' files; empty: of the layer, or of this checkout."""
    search_index: str = ""
    """Folder of the search index, or `s3://bucket/prefix`."""
    search_refresh_seconds: float = 10.0
    """How old the search index may be that a query is answered from."""
    bundles: str = ""
    """Where bundles are kept, `s3://bucket/prefix`; empty: on the disk of the workers, who have them all."""
    bundle_upload_bytes: int = 524_288_000
    """Of one bundle's archive."""
    worker_platform: str = ""
    """What native code in bundles is to be for, such as `linux-aarch64`; empty: nobody says."""
    import_from: str = ""
    """Address of the registry that `functions/registry_import` keeps a mirror of; empty: of none."""
    stack: str = "mooring"
    """Which Mooring of the account this is: the dimension of its metrics."""
    metrics: bool = False
    """Write figures for CloudWatch to stdout."""
    log_level: str = "INFO"


@dataclass(frozen=True)
class WorkerSettings(_FromEnvironment):
    """Of a worker."""

    home: str
    """Folder of `sessions/`, `bundles/` and `ledgers/`."""
    connections_url: str
    worker_secret: str
    worker_id: str = ""
    """Empty: the id of the task, in ECS."""
    engine: str = "process"
    """What started it: `process`, `fargate` or `microvm`."""
    worker_host: str = "127.0.0.1"
    worker_port: int = 0
    """0 takes any free port."""
    worker_address: str = ""
    """What others reach it by, `http://host:port`; empty: the address of the ECS task, else as bound."""
    capacity: int = 200
    """Sessions at once."""
    runtime_path: str = ""
    """Folders with `node` and `python`, put first in the PATH of children."""
    child_uids: str = ""
    """`first-last`: each session's child runs under its own uid. Empty: under the worker's."""
    child_memory_bytes: int = 0
    """Resident memory of all processes of a session; 0: no limit. Needs `child_uids`, like the next three."""
    child_disk_bytes: int = 0
    """What a session may write into its folder, and into one file; 0: no limit."""
    child_processes: int = 512
    """Processes and threads of a session; 0: no limit."""
    child_open_files: int = 1024
    bundles_bytes: int = 0
    """Of disk for bundles that were fetched: beyond it those that no session uses go; 0: no limit."""
    bundle_bytes: int = 2_147_483_648
    """Of one bundle that is fetched, unpacked."""
    bundle_files: int = 200_000
    """In one bundle that is fetched."""
    bundle_fetch_seconds: float = 120.0
    """How long a bundle may take to be fetched and unpacked."""
    sessions_table: str = "mooring-sessions"
    workers_table: str = "mooring-workers"
    usage_table: str = "mooring-usage"
    lease_seconds: float = 10.0
    heartbeat_seconds: float = 2.0
    session_idle_seconds: float = 300.0
    buffer_bytes: int = 1_048_576
    """Per session and direction: frames accepted and not yet passed on."""
    ring_bytes: int = 1_048_576
    """Per session that may be resumed: frames sent and kept for the client that comes back."""
    max_line_bytes: int = 16_777_216
    log_bytes: int = 65_536
    """Per session: the last of what its child printed beside frames."""
    gate_seconds: float = 3.0
    """How long a frame that overtook another waits for it: the cold start of a function."""
    exit_grace_seconds: float = 2.0
    """How long a child may take to end after its stdin closed, before SIGTERM."""
    term_grace_seconds: float = 2.0
    """How long it may take after SIGTERM, before SIGKILL."""
    drain_seconds: float = 20.0
    """How long sessions may go on after SIGTERM; ECS kills 30 s after it by default."""
    stop_on_stdin_eof: bool = False
    """End when standard input closes: the worker then never outlives who started it."""
    stack: str = "mooring"
    """Which Mooring of the account it belongs to: the dimension of its metrics."""
    metrics: bool = False
    """Write figures for CloudWatch to stdout, once a minute."""
    log_level: str = "INFO"


@dataclass(frozen=True)
class AwsSettings:
    """The standard AWS variables, for code that signs its own requests."""

    region: str
    access_key: str
    secret_key: str
    session_token: str
    dynamodb_url: str
    kms_url: str = ""
    bedrock_url: str = ""
    s3_url: str = ""
    credentials_url: str = ""
    """Where ECS gives the credentials of the task's role; empty: the ones above are used."""
    credentials_token: str = field(default="", repr=False)
    task_metadata_url: str = ""
    """Where ECS says which task this is; empty: it is none."""
    task_agent_url: str = ""
    """Where ECS takes a task's wish not to be scaled in."""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        return cls(
            region=region,
            access_key=environ.get("AWS_ACCESS_KEY_ID", ""),
            secret_key=environ.get("AWS_SECRET_ACCESS_KEY", ""),
            session_token=environ.get("AWS_SESSION_TOKEN", ""),
            dynamodb_url=_endpoint("dynamodb", region, environ),
            kms_url=_endpoint("kms", region, environ),
            bedrock_url=_endpoint("bedrock-runtime", region, environ),
            s3_url=_endpoint("s3", region, environ),
            credentials_url=_credentials_url(environ),
            credentials_token=environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""),
            task_metadata_url=environ.get("ECS_CONTAINER_METADATA_URI_V4", ""),
            task_agent_url=environ.get("ECS_AGENT_URI", ""),
        )


def _credentials_url(environ: Mapping[str, str]) -> str:
    """Return where a role's credentials are, unless the environment has some itself, as AWS's SDKs do."""
    if environ.get("AWS_ACCESS_KEY_ID"):
        return ""
    relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
    return f"{_ECS_URL}{relative}" if relative else environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")


def _endpoint(service: str, region: str, environ: Mapping[str, str]) -> str:
    return (
        environ.get(f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}")
        or environ.get("AWS_ENDPOINT_URL")
        or f"https://{service}.{region}.amazonaws.com"
    )


@dataclass(frozen=True)
class LocalSettings(_FromEnvironment):
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


def inherited(names: tuple[str, ...], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of the environment that a child may have, and nothing else."""
    return {name: environ[name] for name in names if name in environ}


def whole(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return all of the environment, for a command of ours that is started as the user would start it."""
    return dict(environ)


def publish(values: Mapping[str, str]) -> None:
    """Set variables of this process, for the function handlers that the local run loads into it."""
    os.environ.update(values)


def one_blas_thread(environ: MutableMapping[str, str] = os.environ) -> None:
    """Have numpy, once it is imported, multiply in the calling thread alone, unless it is told otherwise.

    On a busy machine two threads that wait for each other took thirty times as long as one.
    """
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def path_first(folder: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the whole environment with `folder` first in its PATH, for tools that work for the operator."""
    return {**environ, "PATH": f"{folder}{os.pathsep}{environ.get('PATH', '')}"}
