"""What a segment keeps about its servers to filter them and to order them where nothing else does."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from mooring.search import strings
from mooring.search.arrays import Array, Arrays
from mooring.search.document import Document
from mooring.search.query import Filters
from mooring.search.strings import Strings

Mask = NDArray[np.bool_]

_DEPLOYED, _VERIFIED, _REMOTE = 1, 2, 4
_LABELS = ("namespace", "last_name", "repo_owner", "repo_name")


class Servers:
    """Rows are in the order of their names."""

    def __init__(self, arrays: Arrays) -> None:
        self.names = Strings.of(arrays, "names")
        self.flags: NDArray[np.uint8] = arrays["flags"]
        self.use_counts: NDArray[np.uint32] = arrays["use_counts"]
        self.created: NDArray[np.int64] = arrays["created"]
        self._labels = Strings.of(arrays, "labels")
        self._label_of: dict[str, NDArray[np.uint32]] = {name: arrays[name] for name in _LABELS}

    def __len__(self) -> int:
        return len(self.flags)

    @property
    def is_deployed(self) -> Mask:
        deployed: Mask = (self.flags & _DEPLOYED) != 0
        return deployed

    def passing(self, filters: Filters) -> Mask:
        mask = np.ones(len(self), np.bool_)
        for wanted, flag in (
            (filters.deployed, _DEPLOYED),
            (filters.verified, _VERIFIED),
            (filters.remote, _REMOTE),
        ):
            if wanted is not None:
                mask &= ((self.flags & flag) != 0) == wanted
        if filters.namespace is not None:
            mask &= self._labelled("namespace", filters.namespace)
        if filters.owner is not None:
            mask &= self._labelled("namespace", filters.owner) | self._labelled("repo_owner", filters.owner)
        if filters.repo is not None:
            mask &= self._of_repository(filters.repo)
        if filters.ids is not None:
            rows = [row for name in filters.ids if (row := self.names.find(name)) is not None]
            named = np.zeros(len(self), np.bool_)
            named[rows] = True
            mask &= named
        return mask

    def _of_repository(self, repo: str) -> Mask:
        owner, slash, name = repo.rpartition("/")
        named = self._labelled("last_name", name), self._labelled("repo_name", name)
        if not slash:
            return named[0] | named[1]
        return (named[0] & self._labelled("namespace", owner)) | (
            named[1] & self._labelled("repo_owner", owner)
        )

    def _labelled(self, name: str, label: str) -> Mask:
        number = self._labels.find(label)
        if number is None:
            return np.zeros(len(self), np.bool_)
        labelled: Mask = self._label_of[name] == number
        return labelled


def pack(documents: Sequence[Document]) -> dict[str, Array]:
    """Return the arrays of documents that are in the order of their names."""
    labels = [_labels(document) for document in documents]
    return {
        **strings.pack([document.name for document in documents], "names"),
        "flags": np.array([_flags(document) for document in documents], np.uint8),
        "use_counts": np.array([min(document.use_count, 2**32 - 1) for document in documents], np.uint32),
        "created": np.array([_milliseconds(document.created_at) for document in documents], np.int64),
        **_pack_labels(labels),
    }


def merge(parts: Sequence[tuple[Arrays, NDArray[np.int64]]], count: int) -> dict[str, Array]:
    """Return the arrays of `count` servers out of several parts.

    Each part comes with the new numbers of its rows, -1 for one to leave out.
    """
    names = [""] * count
    labels = [("",) * len(_LABELS)] * count
    merged: dict[str, Array] = {
        "flags": np.zeros(count, np.uint8),
        "use_counts": np.zeros(count, np.uint32),
        "created": np.zeros(count, np.int64),
    }
    for arrays, places in parts:
        for name, array in merged.items():
            array[places[places >= 0]] = arrays[name][places >= 0]
        known = list(Strings.of(arrays, "labels"))
        own = zip(*(arrays[name].tolist() for name in _LABELS), strict=True)
        for place, name, numbers in zip(places.tolist(), Strings.of(arrays, "names"), own, strict=True):
            if place >= 0:
                names[place], labels[place] = name, tuple(known[number] for number in numbers)
    return {**merged, **strings.pack(names, "names"), **_pack_labels(labels)}


def _labels(document: Document) -> tuple[str, ...]:
    namespace, _, last_name = document.name.rpartition("/")
    return (document.namespace or namespace, last_name, document.repo_owner, document.repo_name)


def _pack_labels(labels: Sequence[tuple[str, ...]]) -> dict[str, Array]:
    known = strings.ordered(label for row in labels for label in row)
    numbers = {label: number for number, label in enumerate(known)}
    columns = {
        name: np.array([numbers[row[place]] for row in labels], np.uint32)
        for place, name in enumerate(_LABELS)
    }
    return {**strings.pack(known, "labels"), **columns}


def _flags(document: Document) -> int:
    return _DEPLOYED * document.is_deployed + _VERIFIED * document.is_verified + _REMOTE * document.is_remote


def _milliseconds(iso: str) -> int:
    """Return the time since 1970, 0 for a text that is no time: it only orders what is else equal."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return 0
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
