"""Arguments that several commands take."""

import json
from pathlib import Path
from typing import Any

import click

from mooring.errors import InvalidRequest
from mooring.names import display


class _ServerName(click.ParamType[str]):
    name = "owner/name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return display(str(value))
        except InvalidRequest as error:
            self.fail(error.message, param, ctx)


class _JsonObject(click.ParamType[dict[str, Any]]):
    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        try:
            content = json.loads(value)
        except ValueError as error:
            self.fail(f"not JSON: {error}", param, ctx)
        if not isinstance(content, dict):
            self.fail("must be a JSON object, {...}", param, ctx)
        return content


class _JsonFile(click.ParamType[dict[str, Any]]):
    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        try:
            text = Path(value).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"cannot be read: {error}", param, ctx)
        return JSON_OBJECT.convert(text, param, ctx)


SERVER_NAME = _ServerName()
JSON_OBJECT = _JsonObject()
JSON_FILE = _JsonFile()

server = click.argument("server", type=SERVER_NAME)
headers = click.option(
    "--headers", type=JSON_FILE, help="Of a server elsewhere: headers for its scan, a JSON file; not kept."
)
config = click.option("--config", type=JSON_FILE, help="The session's configuration, a JSON file.")
