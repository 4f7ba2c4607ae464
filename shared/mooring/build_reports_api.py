"""The route that builds elsewhere report to: what they do goes into the release's log.

A build has no key. It signs with one of its own, which is good for nothing but the log of that release.
"""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from mooring import api_errors, callbacks
from mooring.build_bodies import MAX_REPORT_BYTES, BuildReport, ReportAnswer, build_name
from mooring.build_inputs import BuildInputs
from mooring.clock import Clock
from mooring.errors import InvalidRequest, ReleaseNotFound
from mooring.release_log import ReleaseLog
from mooring.release_table import ReleaseTable

PATH = "/_/builds/"


class BuildReports:
    """`secret` is what the keys of builds are derived from."""

    def __init__(
        self, table: ReleaseTable, inputs: BuildInputs, secret: str, clock: Clock = time.time
    ) -> None:
        self._table = table
        self._inputs = inputs
        self._secret = secret
        self._clock = clock

    def take(self, server: str, release: str, body: bytes, headers: dict[str, str]) -> ReportAnswer:
        """Write down what a build says.

        Raises:
            Unauthorized: it is not that release's build that says so, or it said so some time ago.
            InvalidRequest: a field is wrong.
        """
        callbacks.check(self._secret, build_name(server, release), body, headers, self._clock())
        try:
            report = BuildReport.model_validate_json(body)
        except ValidationError as error:
            found = api_errors.problems(error.errors())
            raise InvalidRequest(api_errors.summary(found), {"errors": found}) from error
        try:
            record = self._table.get(server, release)
        except ReleaseNotFound:
            return ReportAnswer(is_wanted=False)
        if record.status != "WORKING" or record.stage != "deploy":
            return ReportAnswer(is_wanted=False)
        if report.lines:
            log = ReleaseLog(self._table, record, self._clock)
            for line in report.lines:
                log.write("deploy", "info", line)
            log.flush()
        is_known = bool(report.identity and self._inputs.find(server, report.identity))
        return ReportAnswer(is_wanted=True, is_known=is_known)


def routes(reports: BuildReports) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.post(PATH + "{release_id}/log")
    async def report(
        release_id: str, server: Annotated[str, Query(max_length=300)], request: Request
    ) -> ReportAnswer:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_REPORT_BYTES:
                raise InvalidRequest(f"the report has more than {MAX_REPORT_BYTES} bytes; send it in parts")
        headers = {name.lower(): text for name, text in request.headers.items()}
        return await run_in_threadpool(reports.take, server, release_id, bytes(body), headers)

    return router
