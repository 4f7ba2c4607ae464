"""The OpenAPI document of the HTTP API: FastAPI's, with what every route has in common said once.

It is made when somebody asks for it. Declared on the routes, the same would cost every start of the function.
"""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from mooring import names, profiles
from mooring.openapi_answers import ANSWERS, EVENT
from mooring.openapi_bodies import bodies

Document = dict[str, Any]

_EVENTS = "text/event-stream"
_METHODS = ("get", "put", "post", "patch", "delete")
_ERRORS = {
    "400": "The body cannot be read.",
    "401": "No key, or one that is not known.",
    "403": "The key may not do this.",
    "404": "There is no such thing.",
    "405": "The path has no such method; `Allow` lists those it has.",
    "409": "Somebody else has the name, or was faster.",
    "412": "It is not the version that `If-Match` names.",
    "422": "A field is missing or wrong; `errors` lists them.",
    "429": "The key has asked too often; `Retry-After` says when it may again.",
    "500": "Something went wrong here.",
    "503": "What is asked cannot be reached now; `Retry-After` says when to try again.",
}
_ERROR: Document = {
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "Its kind."},
        "message": {"type": "string", "description": "What is wrong, and what to do."},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["error", "message"],
}
# A parameter of OpenAPI's cannot hold a slash, so a server's name is two of them.
_WHOLE_NAMES = ("qualified_name", "server_name")
_NAME_PARTS = ("owner", "name")


def install(app: FastAPI) -> None:
    """Make `/openapi.json` answer with the whole document."""

    def document() -> Document:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            app.openapi_schema = _complete(document)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _complete(document: Document) -> Document:
    paths: Document = {}
    for path, item in document["paths"].items():
        paths.setdefault(_in_parts(path), {}).update(item)
    read_by_themselves = bodies()
    for path, item in paths.items():
        for method in _METHODS:
            if method in item:
                _describe(item[method], path, ANSWERS.get((method, path)))
                if body := read_by_themselves.get((method, path)):
                    item[method]["requestBody"] = body
    paths["/_/health"]["get"]["security"] = []
    schemas = document["components"]["schemas"]
    del schemas["HTTPValidationError"], schemas["ValidationError"]
    components = {
        "schemas": {**schemas, "Error": _ERROR},
        "responses": {
            status: {"description": text, "content": _json({"$ref": "#/components/schemas/Error"})}
            for status, text in _ERRORS.items()
        },
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }
    return {**document, "paths": paths, "components": components, "security": [{"key": []}]}


def _in_parts(path: str) -> str:
    return re.sub(rf"\{{({'|'.join(_WHOLE_NAMES)})\}}", "{owner}/{name}", path)


def _describe(operation: Document, path: str, answer: Document | None) -> None:
    operation["responses"] = {
        **{
            status: {**response, "content": _json(answer)} if answer else _with_events(response)
            for status, response in operation["responses"].items()
            if status.startswith("2")
        },
        **{status: {"$ref": f"#/components/responses/{status}"} for status in _ERRORS},
    }
    parameters = []
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in _WHOLE_NAMES:
            parameters += [{**parameter, "name": part, "schema": {"type": "string"}} for part in _NAME_PARTS]
        else:
            parameters.append(parameter)
    for parameter in parameters:
        _limit(parameter, path)
    operation["parameters"] = parameters


def _with_events(response: Document) -> Document:
    """Return a response; FastAPI takes a stream of events for one text."""
    if _EVENTS not in response.get("content", {}):
        return response
    return {**response, "content": {_EVENTS: {"schema": EVENT}}}


def _limit(parameter: Document, path: str) -> None:
    """Say what the schema of a parameter has not: what a name is, and that nothing is null."""
    schema = parameter["schema"]
    if parameter["in"] == "path" and parameter["name"] in _NAME_PARTS:
        is_profile = path.startswith("/profiles/")
        schema["pattern"] = f"^{profiles.NAME_PATTERN if is_profile else names.PART}$"
    elif "anyOf" in schema:  # what may be left out, says FastAPI, may be null, which a URL cannot say
        (given,) = [one for one in schema.pop("anyOf") if one != {"type": "null"}]
        schema.update(given)


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}
