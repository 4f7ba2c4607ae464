"""Documents that others wrote, read into models: what does not fit is named, the unknown left alone."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from mooring.errors import InvalidRequest

_REASONS = {"model_type": "must be a JSON object", "missing": "is missing"}
_Model = TypeVar("_Model", bound=BaseModel)


class Part(BaseModel):
    """A JSON object. Its members are written in camelCase, and a `null` counts as absent."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, part: Any) -> Any:
        if isinstance(part, dict):
            return {name: value for name, value in part.items() if value is not None}
        return part


def validated(kind: type[_Model], document: Any) -> _Model:
    """Return `document` as a `kind`.

    Raises:
        InvalidRequest: naming the first member that does not fit.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "it"
        reason = _REASONS.get(first["type"]) or first["msg"]
        raise InvalidRequest(f"{where}: {reason}") from error
