from typing import Any

import pytest

from mooring import json_schema
from mooring.registry_tool_schemas import DEFAULT_LIMIT, INSTRUCTIONS, MAX_LIMIT, TOOLS


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool["name"])
def test_a_tool_says_what_it_takes_and_returns(tool: dict[str, Any]) -> None:
    for schema in (tool["inputSchema"], tool["outputSchema"]):
        assert json_schema.schema_errors(schema) == []
        assert schema["type"] == "object"
        assert set(schema["required"]) <= set(schema["properties"])
    assert all(property_["description"] for property_ in tool["inputSchema"]["properties"].values())
    assert tool["annotations"]["readOnlyHint"]


def test_the_instructions_name_every_tool() -> None:
    assert [tool["name"] for tool in TOOLS if tool["name"] not in INSTRUCTIONS] == []


def test_what_is_left_out_is_a_limit_that_may_be_given() -> None:
    (limit,) = {
        tool["inputSchema"]["properties"]["limit"]["default"]
        for tool in TOOLS
        if "limit" in tool["inputSchema"]["properties"]
    }
    assert limit == DEFAULT_LIMIT <= MAX_LIMIT
