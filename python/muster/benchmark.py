# SPDX-License-Identifier: Apache-2.0
"""How fast a model is at each batch size, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from muster import _core
from muster._chart import chart
from muster._core import Model

__all__ = ["BenchTable", "bench"]

_COLUMNS = (
    "backend",
    "batch_size",
    "mean_ms",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "items_per_second",
    "cpu_us_per_item",
    "rss_mib",
    "runs",
)


class BenchTable(Mapping[str, list[Any]]):
    """What ``bench`` found: a dict of columns, a table when printed, a data frame where pandas is.

    Columns: ``backend``, ``batch_size``; latencies of a run ``mean_ms``, ``p50_ms``, ``p90_ms``, ``p99_ms``;
    ``items_per_second``; processor time ``cpu_us_per_item``; memory of the process ``rss_mib``; ``runs``.
    """

    def __init__(self, model: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.model = model
        self.rows = [dict(row) for row in rows]

    def __getitem__(self, column: str) -> list[Any]:
        if column not in _COLUMNS:
            raise KeyError(column)
        return [row[column] for row in self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(_COLUMNS)

    def __len__(self) -> int:
        return len(_COLUMNS)

    def __str__(self) -> str:
        lines = [[*_COLUMNS], *([_text(row[column]) for column in _COLUMNS] for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(_COLUMNS))]
        return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in lines)

    def __repr__(self) -> str:
        return f"<muster.BenchTable of {self.model!r}, {len(self.rows)} rows>\n{self}"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{column}</th>" for column in _COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td>{_text(row[column])}</td>" for column in _COLUMNS) + "</tr>" for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __add__(self, other: BenchTable) -> BenchTable:
        """The rows of both, as of one model with two backends."""
        return BenchTable(self.model, [*self.rows, *other.rows])

    def to_pandas(self) -> Any:
        """The same as a ``pandas.DataFrame``; ImportError where pandas is not installed."""
        import pandas

        return pandas.DataFrame(self.rows, columns=list(_COLUMNS))

    def plot(self, path: str | os.PathLike[str] | None = None) -> str:
        """Throughput and latency against the batch size, a line for each backend, as SVG.

        Returns its text, which a notebook shows with ``IPython.display.SVG``; with ``path`` it is written there, too.
        """
        lines: dict[str, list[tuple[float, float, float]]] = {}
        for row in self.rows:
            lines.setdefault(row["backend"], []).append((row["batch_size"], row["items_per_second"], row["p50_ms"]))
        svg = chart(self.model, lines)
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(svg)
        return svg


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"
    return str(value)


def bench(
    model: Model | str | os.PathLike[str],
    batch_sizes: Sequence[int] = (1, 2, 4, 8),
    iterations: int = 100,
    *,
    backend: str | None = None,
    warm_up: float = 0.3,
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> BenchTable:
    """Runs the model on made-up inputs, ``iterations`` times for each batch size, one run after the other.

    ``model``: a ``Model``, or a path that is opened with ``backend`` for as long as this takes. ``warm_up``: seconds of
    runs that are not counted before each size. ``shapes``: of one row of an input whose dimensions are open, by its name.
    What is timed is the run and the reading of its outputs, not the making of inputs.

    Raises ``muster.FailedPrecondition`` for a batch size that a model without batch axis does not have.
    """
    if not isinstance(model, Model):
        with Model(model, backend) as opened:
            return bench(opened, batch_sizes, iterations, warm_up=warm_up, shapes=shapes)
    given: dict[str, Sequence[int]] = {name: list(shape) for name, shape in (shapes or {}).items()}
    rows = [_core.measure(model, int(size), int(iterations), float(warm_up), given) for size in batch_sizes]
    return BenchTable(model.name, rows)
