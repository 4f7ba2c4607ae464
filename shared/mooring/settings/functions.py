"""What the functions are told."""

from dataclasses import dataclass, field

from mooring.settings.from_environment import FromEnvironment


@dataclass(frozen=True)
class Settings(FromEnvironment):
    """Of the functions: names of tables, addresses of the other parts, keys."""

    catalog_table: str = "mooring-catalog"
    keys_table: str = "mooring-keys"
    tickets_table: str = "mooring-tickets"
    profiles_table: str = "mooring-profiles"
    sessions_table: str = "mooring-sessions"
    workers_table: str = "mooring-workers"
    usage_table: str = "mooring-usage"
    releases_table: str = "mooring-releases"
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
    pool_cluster: str = ""
    pool_service: str = ""
    """The service of ECS that `session_reaper` scales; empty: none."""
    pool_min: int = 0
    pool_max: int = 10
    pool_spare_slots: int = 10
    """Free places that are kept."""
    pool_task_slots: int = 20
    """Sessions of one task; what `capacity` is to its worker."""
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
    uploads: str = ""
    """Where what publishers upload lies until it is built: a folder, or `s3://bucket/prefix`; empty: none."""
    build_files: str = ""
    """Where builds in AWS leave what they made, `s3://bucket/prefix`; empty: nothing is built there."""
    build_project: str = ""
    """The project of CodeBuild that builds."""
    build_minutes: int = 15
    """How long one build may take."""
    builder_image: str = ""
    """What builds: another one makes something else of the same input."""
    bundle_bytes: int = 2_147_483_648
    """Of one bundle that a build has made, unpacked."""
    bundle_files: int = 200_000
    """In one bundle that a build has made."""
    stream_seconds: float = 25.0
    """How long one answer with the events of a release may go on, where it can; 0: what there is."""
    releases_kept: int = 20
    """Of each server, to look at and to go back to."""
    worker_platform: str = ""
    """What native code in bundles is to be for, such as `linux-aarch64`; empty: nobody says."""
    engine: str = "pool"
    """Where sessions run: `pool`, `microvm`, or `both`: only isolated servers in MicroVMs."""
    callback_url: str = ""
    """Where workers of MicroVMs call back, without the session's id: `https://host/_/callback`."""
    callback_secret: str = field(default="", repr=False)
    """The keys of those sessions are derived from it."""
    microvm_image: str = ""
    """ARN of the image that MicroVMs are started from."""
    microvm_egress: str = ""
    """ARN of the network connector of their way out; empty: AWS's own, the whole internet."""
    microvm_idle_seconds: int = 300
    """Without a call, until a MicroVM is suspended; at least 60."""
    microvm_seconds: int = 28_800
    """How long a MicroVM may live, at most 28,800."""
    allow_private_upstreams: bool = False
    """Scan servers elsewhere without TLS and at addresses that are not public, too."""
    import_from: str = ""
    """Address of the registry that `functions/registry_import` keeps a mirror of; empty: of none."""
    stack: str = "mooring"
    """Which Mooring of the account this is: the dimension of its metrics."""
    metrics: bool = False
    """Write figures for CloudWatch to stdout."""
    log_level: str = "INFO"
