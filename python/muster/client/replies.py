# SPDX-License-Identifier: Apache-2.0
"""What servers say of themselves and of their models, checked, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster._types import ClassScore
from muster.client.calls import IndexEntry, ModelMetadata, ServerMetadata, TensorMetadata
from muster.client.datatypes import broken


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else "" if value is None else str(value)


def _list(said: Mapping[str, Any], key: str) -> list[Any]:
    value = said.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise broken(f"'{key}' is no list")
    return value


def _tensor(said: object) -> TensorMetadata:
    if not isinstance(said, dict):
        raise broken("a tensor's description is no object")
    shape = _list(said, "shape")
    if not all(type(size) is int for size in shape):
        raise broken(f"the shape of '{_text(said, 'name')}' is {shape}")
    return TensorMetadata(_text(said, "name"), _text(said, "datatype"), tuple(shape))


def server_metadata(said: Mapping[str, Any]) -> ServerMetadata:
    extensions = tuple(str(extension) for extension in _list(said, "extensions"))
    return ServerMetadata(_text(said, "name"), _text(said, "version"), extensions)


def model_metadata(said: Mapping[str, Any]) -> ModelMetadata:
    return ModelMetadata(
        name=_text(said, "name"),
        versions=tuple(str(version) for version in _list(said, "versions")),
        platform=_text(said, "platform"),
        inputs=tuple(_tensor(tensor) for tensor in _list(said, "inputs")),
        outputs=tuple(_tensor(tensor) for tensor in _list(said, "outputs")),
    )


def index_entries(said: Mapping[str, Any]) -> list[IndexEntry]:
    return [
        IndexEntry(*(_text(entry, key) for key in ("name", "version", "state", "reason")))
        for entry in _list(said, "entries")
        if isinstance(entry, dict)
    ]


def class_scores(said: object) -> list[ClassScore]:
    try:
        if not isinstance(said, list):
            raise TypeError
        return [ClassScore(int(one["index"]), str(one["label"]), float(one["probability"])) for one in said]
    except (KeyError, TypeError, ValueError) as error:
        raise broken("a picture's classes are not what they should be") from error
