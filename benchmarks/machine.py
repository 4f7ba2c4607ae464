"""What a figure was measured on, in one line."""

import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil


def machine() -> str:
    cpus = f"{psutil.cpu_count()} CPUs ({_processor()}), {psutil.virtual_memory().total / 2**30:.0f} GiB"
    versions = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{when}; {cpus}; {versions}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
