"""From a resolved launch rule to a running process, through JavaScript where the rule is a function."""

import asyncio
import subprocess

from mooring import command_function
from mooring.launch import Computed, Launch
from mooring_worker.orphans import Orphans
from mooring_worker.sandbox import Sandbox


async def spawn(launch: Launch | Computed, sandbox: Sandbox, orphans: Orphans) -> subprocess.Popen[bytes]:
    """Start the session's child in `sandbox`.

    A function is evaluated first, in the sandbox as well: as the session's own user, within its limits, and
    apart from the worker and its credentials. The event loop goes on meanwhile.

    Raises:
        StartFailed: the function has no answer, or the command cannot be executed.
    """
    if isinstance(launch, Computed):
        launch = await _computed(launch, sandbox, orphans)
    process = sandbox.spawn(launch)
    orphans.expect(str(sandbox.directory), process.pid, sandbox.uid)
    return process


async def _computed(computed: Computed, sandbox: Sandbox, orphans: Orphans) -> Launch:
    directory = str(sandbox.directory)
    evaluator = sandbox.spawn(Launch(command_function.argv(), {}, directory))
    orphans.expect(directory, evaluator.pid, sandbox.uid)
    try:
        answer = await asyncio.to_thread(command_function.ask, evaluator, computed.source, computed.config)
    except BaseException:
        await orphans.end(directory)
        raise
    return computed.launch(answer.command, answer.args, answer.env)
