"""While the stack is deployed: upload the source of an image and have it built; on deletion, clean up.

The source comes with the function, in layers: the package `mooring`, and the folder `worker` or `local`.
CloudFormation calls with a request and waits for an answer at the address in it, whatever happens here.
"""

import json
import urllib.request
from pathlib import Path
from typing import Any

from mooring import worker_image
from mooring.observability import logger

_FOLDERS = {
    "shared/mooring": Path("/opt/python/mooring"),
    "worker": Path("/opt/worker"),
    "local": Path("/opt/local"),
}
_ANSWER_SECONDS = 10


def handler(event: dict[str, Any], context: Any) -> None:
    properties = event["ResourceProperties"]
    physical_id, data = event.get("PhysicalResourceId", "worker-source"), {}
    status, reason = "SUCCESS", ""
    try:
        is_deletion = event["RequestType"] == "Delete"
        if "Image" in properties:
            if is_deletion:
                worker_image.terminate_microvms(properties["Image"], context)
        elif is_deletion:
            worker_image.empty(properties["Bucket"])
        else:
            own = properties["Dockerfile"].partition("/")[0]
            folders = {name: _FOLDERS[name] for name in ("shared/mooring", own)}
            data = worker_image.provide(folders, properties, context)
    except Exception as error:
        logger.exception("source not provided")
        status, reason = "FAILED", f"{type(error).__name__}: {error}"[:1000]
    _answer(event, {"Status": status, "Reason": reason, "PhysicalResourceId": physical_id, "Data": data})


def _answer(event: dict[str, Any], answer: dict[str, Any]) -> None:
    kept = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps({**kept, **answer}).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"content-type": ""}, method="PUT")
    urllib.request.urlopen(request, timeout=_ANSWER_SECONDS).close()
