"""Lines of CloudWatch's embedded metric format, read as CloudWatch reads them."""

import json
from typing import Any

Figure = tuple[str, float, str, tuple[tuple[str, str], ...]]


def figures(output: str) -> list[Figure]:
    """Return each metric that CloudWatch takes out of `output`: name, value, unit, dimensions."""
    found: list[Figure] = []
    for line in filter(None, output.splitlines()):
        content: dict[str, Any] = json.loads(line)
        if "_aws" not in content:
            continue
        assert 1_600_000_000_000 < content["_aws"]["Timestamp"] < 10_000_000_000_000  # milliseconds
        for directive in content["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "Mooring"
            for metric in directive["Metrics"]:
                assert isinstance(content[metric["Name"]], int | float)
                for names in directive["Dimensions"]:
                    dimensions = tuple((name, content[name]) for name in names)
                    assert all(isinstance(value, str) and value for _, value in dimensions)
                    found.append((metric["Name"], content[metric["Name"]], metric["Unit"], dimensions))
    return found


def total(output: str, name: str) -> float:
    """Return the sum of a metric over all of `output`, by stack."""
    return sum(value for one, value, _, dimensions in figures(output) if one == name and len(dimensions) == 1)
