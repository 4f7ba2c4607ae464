"""What a worker is told."""

from dataclasses import dataclass

from mooring.settings.from_environment import FromEnvironment


@dataclass(frozen=True)
class WorkerSettings(FromEnvironment):
    """Of a worker."""

    home: str
    """Folder of `sessions/`, `bundles/` and `ledgers/`."""
    connections_url: str
    worker_secret: str
    worker_id: str = ""
    """Empty: the id of the task, in ECS."""
    engine: str = "process"
    """What started it: `process`, `fargate` or `microvm`."""
    worker_version: str = ""
    """What it is known to have been started as; empty: `family:revision` of the task, in ECS."""
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
    leave_seconds: float = 3600.0
    """How long a task that was told to leave stays protected while it has sessions."""
    drain_seconds: float = 20.0
    """How long sessions may go on after SIGTERM; ECS kills 30 s after it by default."""
    stop_on_stdin_eof: bool = False
    """End when standard input closes: the worker then never outlives who started it."""
    stack: str = "mooring"
    """Which Mooring of the account it belongs to: the dimension of its metrics."""
    metrics: bool = False
    """Write figures for CloudWatch to stdout, once a minute."""
    log_level: str = "INFO"
