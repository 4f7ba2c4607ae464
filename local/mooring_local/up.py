"""`mooring up`: start everything, say where it is, and stop everything on Ctrl-C."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import uvloop

from mooring.settings import LocalSettings, whole
from mooring.url import connect_url
from mooring_local.emulator import EmulatorFailed
from mooring_local.gateway_process import listen
from mooring_local.home import Home, write_private
from mooring_local.stack import Addresses, Stack, StartFailed

DEMO_SERVER = "demo/time"
DEMO_SOURCE = "pypi:mcp-server-time"

_COMMAND = Path(sys.executable).parent / "mooring"


class CannotStart(RuntimeError):
    """Why Mooring cannot run here; the text says what to do."""


def run(settings: LocalSettings) -> None:
    """Run Mooring until SIGINT or SIGTERM.

    Raises:
        CannotStart: the port is taken, or a part did not start.
    """
    uvloop.run(_run(settings))


async def _run(settings: LocalSettings) -> None:
    started_at = time.monotonic()
    home = Home(Path(settings.home))
    stopping = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    public = _claim_port(settings, home)
    host = f"{settings.host}:{settings.port}"
    stack = Stack(home, public, Addresses(f"http://{host}", f"ws://{host}"))
    home.run_file.unlink(missing_ok=True)  # of a run that was killed: who waits for it waits for this one
    _say(f"Starting Mooring in {home.path}")
    try:
        await stack.start()
        key = await asyncio.to_thread(stack.operator_key)
        await _host_demo(stack, key, stopping)
        _write_run_file(stack, key)
        if not stopping.is_set():
            _say(_welcome(stack, key, time.monotonic() - started_at))
        await stopping.wait()
        _say("\nStopping")
    except (StartFailed, EmulatorFailed) as error:
        raise CannotStart(str(error)) from error
    finally:
        home.run_file.unlink(missing_ok=True)
        await stack.stop()
        public.close()


def _claim_port(settings: LocalSettings, home: Home) -> socket.socket:
    running = home.running()
    if running:
        raise CannotStart(
            f"Mooring is already running on {running['url']} (pid {running['pid']}) with this home. "
            f"Use it, or stop it first: kill {running['pid']}"
        )
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        raise CannotStart(
            f"port {settings.port} is taken by another program. Choose another one: "
            f"MOORING_PORT={settings.port + 1} make up"
        ) from error


async def _host_demo(stack: Stack, key: str, stopping: asyncio.Event) -> None:
    """Host a real public server when the catalog is empty, as anybody would: with the `mooring` command."""
    if await asyncio.to_thread(next, stack.catalog.listed(brief=True), None):
        return
    _say(f"Hosting a first server, {DEMO_SERVER} ({DEMO_SOURCE})")
    environment = {
        **whole(),
        "MOORING_URL": stack.addresses.url,
        "MOORING_API_KEY": key,
        "MOORING_HOME": str(stack.home.path),
    }
    command = [sys.executable, "-m", "mooring_cli", "add", DEMO_SOURCE, "--name", DEMO_SERVER]
    adding = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    interrupted = asyncio.create_task(stopping.wait())
    done = asyncio.create_task(adding.wait())
    await asyncio.wait((interrupted, done), return_when=asyncio.FIRST_COMPLETED)
    interrupted.cancel()
    if not done.done():
        adding.terminate()
    if await done:
        _say(f"{DEMO_SERVER} could not be hosted; try later: mooring add {DEMO_SOURCE} --name {DEMO_SERVER}")


def _write_run_file(stack: Stack, key: str) -> None:
    run = {"url": stack.addresses.url, "ws_url": stack.addresses.ws_url, "api_key": key, "pid": os.getpid()}
    write_private(stack.home.run_file, json.dumps(run))


def _welcome(stack: Stack, key: str, seconds: float) -> str:
    url, ws_url = stack.addresses.url, stack.addresses.ws_url
    return f"""
Mooring is ready on {url} ({seconds:.1f} s)

  API key   {key}
  Registry  curl -H 'Authorization: Bearer {key}' '{url}/servers?q=time'
  Client    from mcp.client.websocket import websocket_client   # mcp 1.x; docs/clients.md has the others
            async with websocket_client("{connect_url(ws_url, DEMO_SERVER, api_key=key)}") as streams: ...
  Next      {os.path.relpath(_COMMAND)} add npm:@modelcontextprotocol/server-everything

Ctrl-C stops it.
"""


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  the command's own output
