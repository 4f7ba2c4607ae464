"""What AWS asks for each thing: prices.toml beside this module, or a file of one's own over it."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mooring_cli.failures import Failure

_LIST = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, slots=True)
class Price:
    usd: float
    per: float
    unit: str
    date: str
    source: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bill. `quantity` is in the unit of its price."""

    name: str
    quantity: float
    unit: str
    usd: float


@dataclass(frozen=True, slots=True)
class Prices:
    """`factor` is what another Region asks for 1 USD of us-east-1."""

    of: Mapping[str, Price]
    factor: float = 1.0

    def item(self, name: str, price: str, quantity: float) -> Item:
        found = self.of[price]
        return Item(name, quantity, found.unit, quantity * found.usd / found.per * self.factor)


def read(own: str = "", factor: float = 1.0) -> Prices:
    """Return the list prices, with those that the file `own` has in their place.

    Raises:
        Failure: the file cannot be read, or has what is no price.
    """
    listed = {name: Price(**about) for name, about in _content(_LIST).items()}
    if own:
        for name, about in _content(Path(own)).items():
            listed[name] = _changed(own, name, listed.get(name), about)
    return Prices(listed, factor)


def _content(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(
            f"--prices {path}: {error}", "Give a TOML file such as: lambda_requests = 0.23"
        ) from error


def _changed(path: str, name: str, listed: Price | None, about: Any) -> Price:
    if listed is None:
        raise Failure(
            f"--prices {path}: there is no price {name}", "docs/cost.md has the names of all prices"
        )
    fields = about if isinstance(about, dict) else {"usd": about}
    if unknown := fields.keys() - {"usd", "per", "date", "source"}:
        raise Failure(
            f"--prices {path}: {name} has {', '.join(sorted(unknown))}",
            "Give it usd, per, date and source only",
        )
    for field, least in (("usd", 0), ("per", 1)):
        value = fields.get(field, least)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
            raise Failure(
                f"--prices {path}: {field} of {name} is {value!r}",
                f"Give a number of USD, for {listed.per:,.0f} {listed.unit}"
                if field == "usd"
                else "Give a number from 1",
            )
    return replace(listed, **{"date": "own", "source": path} | fields)
