"""Plain Python values as DynamoDB's attribute values, and back."""

from collections.abc import Mapping
from typing import Any

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]


def to_item(values: Mapping[str, Any]) -> Item:
    """Return `values` as an item; an attribute that is None is left out."""
    return {name: to_attribute(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, AttributeValue]) -> dict[str, Any]:
    return {name: from_attribute(attribute) for name, attribute in item.items()}


def to_attribute(value: Any) -> AttributeValue:
    """Return one attribute value; raises TypeError for what DynamoDB has no type for."""
    match value:
        case str():
            return {"S": value}
        case bool():  # before int: bool is one
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case bytes():
            return {"B": value}
        case None:
            return {"NULL": True}
        case Mapping():
            return {"M": to_item(value)}
        case list() | tuple():
            return {"L": [to_attribute(member) for member in value]}
    raise TypeError(f"DynamoDB has no type for {type(value).__name__}")


def from_attribute(attribute: AttributeValue) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return float(value) if set(value) & set(".eE") else int(value)
        case "NULL":
            return None
        case "M":
            return from_item(value)
        case "L":
            return [from_attribute(member) for member in value]
    return value


def size_bytes(item: Item) -> int:
    """Return the size DynamoDB counts against its item limit, rounded up by a few bytes per number.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _attribute_bytes(attribute) for name, attribute in item.items())


def _attribute_bytes(attribute: AttributeValue) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "B" | "N":
            return len(value)
        case "M":
            return 3 + len(value) + size_bytes(value)
        case "L":
            return 3 + sum(1 + _attribute_bytes(member) for member in value)
    return 1
