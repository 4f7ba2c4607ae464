"""What runs where a build is isolated: `python -m mooring_local.builder.child`, an order on stdin.

It says on standard output, in lines of JSON, what it does (`log`), what its input is (`identity`), and last
what it has made (`package`) or why it has not (`failed`). After the identity it waits for a line that says to
go on: of an input that was built before there is nothing to do.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mooring.staging import Workspace
from mooring_local import building
from mooring_local.packages import BuildFailed


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    file = Path(order["file"]) if order["file"] else None
    folder = Path(order["folder"])
    try:
        _say(identity=building.identity(order["source"], file))
        if sys.stdin.readline().strip() != "build":
            return
        workspace = Workspace(folder, os.open(folder, os.O_RDONLY))
        package = building.install(
            order["source"], file, workspace, Path(order["runtimes"]), lambda line: _say(log=line)
        )
    except BuildFailed as error:
        _say(failed={"message": error.cause, "advice": error.next_step, "details": list(error.details)})
    except OSError as error:
        _say(failed={"message": f"the build could not go on: {error}", "advice": "", "details": []})
    else:
        _say(package=asdict(package))


def _say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
