"""What Mooring costs in AWS, item by item, computed from prices and from what the stack does.

Where the code or the template says how often something happens, that is what is counted; the constants here
say the rest. docs/cost.md gives the reason for each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from mooring_cli.prices import Item, Prices

HOURS = 730.0  # a month, as AWS counts
DAYS = HOURS / 24
_GB = 1e9
_MESSAGE_BYTES = 32 * 1024  # API Gateway counts a longer message several times

FRAME_SECONDS = 0.010  # of ws_default: its POST to a worker in the same Region
FRAME_GB = 0.5
CALLBACK_GB = 1.0  # the registry's function takes what MicroVMs answer, and posts it
CONNECT_SECONDS, CONNECT_GB = 0.150, 1.0
DISCONNECT_SECONDS, DISCONNECT_GB = 0.020, 0.5
SESSION_READS = 6.0  # key, server, workers, configuration
SESSION_WRITES = 4.0  # its row and the use of its key; the deletions of both of its rows
SESSION_LOG_BYTES = 2000.0
USES_PER_WRITE = 10.0  # calls of a server's tools that one heartbeat reports together

TASK_VCPU, TASK_GB, TASK_SLOTS, SPARE_SLOTS = 0.5, 2.0, 20, 10
BEAT_SECONDS = 2.0
MICROVM_VCPU, MICROVM_GB = 0.25, 0.5  # what the smallest one is billed for
SNAPSHOT_GB = 0.3
BURST_SECONDS = 10.0  # that a client's calls last, one after the other

REAPER_GB, REAPER_SECONDS = 0.125, 61.0  # of each minute: it looks until the next call is due
REAPER_READS = (
    60 + 12 + 2
)  # a minute: leases each second, the pool each five, all rows once; both tables small
ENDPOINTS, ZONES = 3, 2
METRICS, METRICS_EMPTY = 12, 1  # with workers; without one session_reaper alone writes FreeSlots
ALARM_METRICS = 6 + 3 + 1 + 1 + 2  # errors, throttles, free slots, workers lost, dead letters
TABLES_GB, IMAGES_GB, OBJECTS_GB = 0.1, 1.0, 1.0
WORKER_LOG_BYTES = 600.0  # a minute: its figures
REAPER_LOG_BYTES = 300.0  # a minute


@dataclass(frozen=True, slots=True)
class Load:
    """What an operator expects. Sessions come evenly over the day."""

    sessions_per_day: float = 100.0
    minutes_per_session: float = 30.0
    pairs_per_session: float = 20.0
    bytes_per_message: float = 2048.0
    engine: str = "pool"
    architecture: str = "arm64"
    sessions_per_task: int = TASK_SLOTS
    warm_tasks: int = 1
    bursts_per_hour: float = 6.0
    """Of calls, in a MicroVM that is suspended between them; 0 - it never is."""
    idle_seconds: float = 300.0
    endpoints: bool = False


def total(items: Iterable[Item]) -> float:
    return sum(item.usd for item in items)


def month(prices: Prices, load: Load) -> list[Item]:
    """Return what a month of `load` costs, the idle stack included."""
    sessions = load.sessions_per_day * DAYS
    hours = sessions * load.minutes_per_session / 60
    is_pool = load.engine == "pool"
    items = idle(
        prices,
        tasks=tasks(load),
        architecture=load.architecture,
        endpoints=load.endpoints and is_pool,
        metrics=METRICS if sessions or load.warm_tasks else METRICS_EMPTY,
        secrets=1 if is_pool else 2,
        images_gb=IMAGES_GB if is_pool else 0.0,
    )
    if not is_pool:
        items += microvm(prices, hours, load.bursts_per_hour, load.idle_seconds)
        items.append(prices.item("MicroVM launches", "microvm_snapshot_reads", sessions * SNAPSHOT_GB))
    items.append(prices.item("WebSocket connections", "websocket_minutes", hours * 60))
    items += starts(prices, sessions, load.architecture)
    pairs_count = sessions * load.pairs_per_session
    return items + pairs(prices, pairs_count, load.bytes_per_message, load.engine, load.architecture)


def tasks(load: Load) -> float:
    """Return how many tasks run, as a mean: for the sessions and the spare places, or the warm ones."""
    if load.engine != "pool":
        return 0.0
    at_once = load.sessions_per_day * load.minutes_per_session / 1440
    wanted = (at_once + SPARE_SLOTS) / load.sessions_per_task if at_once else 0.0
    return max(float(load.warm_tasks), wanted)


def pairs(
    prices: Prices, count: float, message_bytes: float, engine: str = "pool", architecture: str = "arm64"
) -> list[Item]:
    """Return what requests with one answer each cost on their way; `message_bytes` is each way."""
    counted = max(1, ceil(message_bytes / _MESSAGE_BYTES))
    gigabytes = count * message_bytes / _GB
    items = [
        prices.item("WebSocket messages", "websocket_messages", 2 * count * counted),
        prices.item("ws_default, requests", "lambda_requests", count),
        prices.item("ws_default, time", f"lambda_{architecture}", count * FRAME_SECONDS * FRAME_GB),
        prices.item("DynamoDB, session rows", "dynamodb_reads", count),
        prices.item("DynamoDB, use counts", "dynamodb_writes", count / USES_PER_WRITE),
        prices.item("Data out", "data_out", gigabytes),
        prices.item("CloudWatch logs", "logs", 0.0),
    ]
    if engine == "pool":
        # Function and worker are in different zones half of the time, and each side counts.
        return [*items, prices.item("Data between zones", "data_between_zones", gigabytes / 2 * 2)]
    return [
        *items,
        prices.item("Callback, HTTP API", "http_requests", count),
        prices.item("Callback, requests", "lambda_requests", count),
        prices.item("Callback, time", f"lambda_{architecture}", count * FRAME_SECONDS * CALLBACK_GB),
    ]


def starts(prices: Prices, sessions: float, architecture: str = "arm64") -> list[Item]:
    """Return what it costs that sessions start and end."""
    seconds = CONNECT_SECONDS * CONNECT_GB + DISCONNECT_SECONDS * DISCONNECT_GB
    return [
        prices.item("ws_connect, ws_disconnect, requests", "lambda_requests", 2 * sessions),
        prices.item("ws_connect, ws_disconnect, time", f"lambda_{architecture}", sessions * seconds),
        prices.item("Session starts, DynamoDB reads", "dynamodb_reads", sessions * SESSION_READS),
        prices.item("Session starts, DynamoDB writes", "dynamodb_writes", sessions * SESSION_WRITES),
        prices.item("Session starts, logs", "logs", sessions * SESSION_LOG_BYTES / _GB),
    ]


def pool(prices: Prices, task_hours: float, architecture: str = "arm64") -> list[Item]:
    """Return what tasks of the default size cost while they run."""
    return [
        prices.item("Fargate, processor", f"fargate_vcpu_{architecture}", task_hours * TASK_VCPU),
        prices.item("Fargate, memory", f"fargate_gb_{architecture}", task_hours * TASK_GB),
        prices.item("Public IPv4 addresses", "ipv4", task_hours),
        prices.item("DynamoDB, heartbeats", "dynamodb_writes", task_hours * 3600 / BEAT_SECONDS),
        prices.item("Logs of workers", "logs", task_hours * 60 * WORKER_LOG_BYTES / _GB),
    ]


def microvm(prices: Prices, hours: float, bursts_per_hour: float, idle_seconds: float) -> list[Item]:
    """Return what sessions in MicroVMs cost, without their launch.

    After each burst a MicroVM runs for `idle_seconds` more and is suspended. Without bursts, or with so many
    that it is never idle long enough, it runs all the time.
    """
    running = bursts_per_hour * (BURST_SECONDS + idle_seconds)
    cycles = bursts_per_hour
    if not bursts_per_hour or running >= 3600:
        running, cycles = 3600.0, 0.0
    gigabytes = hours * cycles * SNAPSHOT_GB
    return [
        prices.item("MicroVM, processor", "microvm_vcpu", hours * running * MICROVM_VCPU),
        prices.item("MicroVM, memory", "microvm_gb", hours * running * MICROVM_GB),
        prices.item("MicroVM, suspending", "microvm_snapshot_writes", gigabytes),
        prices.item("MicroVM, resuming", "microvm_snapshot_reads", gigabytes),
        prices.item(
            "MicroVM, while suspended", "microvm_snapshot_storage", hours * (1 - running / 3600) * SNAPSHOT_GB
        ),
    ]


def idle(
    prices: Prices,
    *,
    tasks: float = 1.0,
    architecture: str = "arm64",
    endpoints: bool = False,
    reaper_seconds: float = REAPER_SECONDS,
    reaper_reads: float = REAPER_READS,
    metrics: int | None = None,
    secrets: int = 1,
    images_gb: float = IMAGES_GB,
) -> list[Item]:
    """Return what a month costs with `tasks` running and no client.

    `reaper_seconds` and `reaper_reads` are those of one minute of session_reaper.
    """
    minutes = HOURS * 60
    if metrics is None:
        metrics = METRICS if tasks else METRICS_EMPTY
    endpoint_hours = ENDPOINTS * ZONES * HOURS if endpoints else 0.0
    return [
        *pool(prices, tasks * HOURS, architecture),
        prices.item("Interface endpoints", "endpoints", endpoint_hours),
        prices.item("session_reaper, requests", "lambda_requests", minutes),
        prices.item("session_reaper, time", f"lambda_{architecture}", minutes * reaper_seconds * REAPER_GB),
        prices.item("session_reaper, DynamoDB", "dynamodb_reads", minutes * reaper_reads),
        prices.item("session_reaper, logs", "logs", minutes * REAPER_LOG_BYTES / _GB),
        prices.item("Metrics", "metrics", metrics),
        prices.item("Alarms", "alarm_metrics", ALARM_METRICS),
        prices.item("KMS key", "kms_keys", 1),
        prices.item("Secrets", "secrets", secrets),
        prices.item("Tables", "dynamodb_storage", TABLES_GB),
        prices.item("Tables, recovery", "dynamodb_recovery", TABLES_GB),
        prices.item("Images of the worker", "image_storage", images_gb),
        prices.item("Bundles, index, source", "object_storage", OBJECTS_GB),
    ]
