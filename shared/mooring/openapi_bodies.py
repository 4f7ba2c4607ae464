"""Bodies of requests that the routes read themselves: what FastAPI does not know of."""

from typing import Any

from pydantic import TypeAdapter

from mooring.release_bodies import NewHostedRelease, Payload

Document = dict[str, Any]


def bodies() -> dict[tuple[str, str], Document]:
    """Return the OpenAPI `requestBody` of each, by method and path."""
    form = {
        "type": "object",
        "properties": {
            "payload": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": _whole(TypeAdapter(Payload)),
            },
            "bundle": {"type": "string", "contentMediaType": "application/octet-stream"},
        },
        "required": ["payload"],
    }
    release = {
        "application/json": {"schema": _whole(TypeAdapter(NewHostedRelease))},
        "multipart/form-data": {"schema": form},
    }
    return {
        ("put", "/servers/{owner}/{name}/releases"): {"required": True, "content": release},
        ("put", "/uploads/{sha256}"): {"required": True, "content": {"application/octet-stream": {}}},
    }


def _whole(adapter: TypeAdapter[Any]) -> Document:
    """Return a JSON Schema with what it refers to in place; none of these is recursive."""
    schema = adapter.json_schema()
    definitions = schema.pop("$defs", {})

    def filled(part: Any) -> Any:
        if isinstance(part, list):
            return [filled(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return filled(definitions[part["$ref"].rpartition("/")[2]])
        return {name: filled(value) for name, value in part.items() if name != "discriminator"}

    whole: Document = filled(schema)
    return whole
