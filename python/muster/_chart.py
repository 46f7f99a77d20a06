# SPDX-License-Identifier: Apache-2.0
"""Two small line charts as SVG, with nothing but this file."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence

_COLOURS = ("#1f77b4", "#d95f02", "#2ca02c", "#9467bd", "#8c564b")
_WIDTH, _HEIGHT, _LEFT, _TOP = 420, 240, 70, 40

_Points = Sequence[tuple[float, float]]


def _ticks(top: float) -> list[float]:
    """0 to at least ``top`` in a few round steps."""
    if top <= 0:
        return [0.0, 1.0]
    step = 10 ** math.floor(math.log10(top))
    for factor in (0.2, 0.5, 1.0, 2.0):
        if top / (step * factor) <= 6:
            step *= factor
            break
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


def _panel(title: str, lines: Mapping[str, _Points], at: int) -> str:
    points = [point for line in lines.values() for point in line]
    ticks = _ticks(max((y for _, y in points), default=0))
    sizes = sorted({x for x, _ in points})
    low, high = math.log2(sizes[0]), math.log2(sizes[-1])

    def place_x(x: float) -> float:
        return at + _LEFT + (_WIDTH - _LEFT - 20) * ((math.log2(x) - low) / (high - low) if high > low else 0.5)

    def place_y(y: float) -> float:
        return _TOP + _HEIGHT * (1 - y / ticks[-1])

    parts = [f'<text x="{at + _LEFT}" y="20" font-weight="bold">{html.escape(title)}</text>']
    for y in ticks:
        parts.append(
            f'<line x1="{at + _LEFT}" x2="{at + _WIDTH - 20}" y1="{place_y(y):.1f}" y2="{place_y(y):.1f}" stroke="#ddd"/>'
            f'<text x="{at + _LEFT - 6}" y="{place_y(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
        )
    parts += [f'<text x="{place_x(x):.1f}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{x:g}</text>' for x in sizes]
    parts += _lines(lines, place_x, place_y)
    return "".join(parts)


def _lines(
    lines: Mapping[str, _Points], place_x: Callable[[float], float], place_y: Callable[[float], float]
) -> list[str]:
    parts = []
    for number, line in enumerate(lines.values()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in sorted(line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
    return parts


def chart(title: str, lines: Mapping[str, Sequence[tuple[float, float, float]]]) -> str:
    """``lines``: by name, (batch size, items per second, latency in ms)."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * _WIDTH}" height="{_HEIGHT + 90}" font-family="sans-serif" font-size="12">'
    if not any(lines.values()):
        return f'{head}<text x="20" y="20">{html.escape(title)}: nothing was measured</text></svg>'
    parts = [head]
    parts.append(_panel(f"{title}: items a second", {name: [(x, y) for x, y, _ in line] for name, line in lines.items()}, 0))
    parts.append(_panel("median latency, ms", {name: [(x, z) for x, _, z in line] for name, line in lines.items()}, _WIDTH))
    for number, name in enumerate(lines):
        x, y = _LEFT + 150 * number, _HEIGHT + 78
        parts.append(
            f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{_COLOURS[number % len(_COLOURS)]}"/>'
            f'<text x="{x + 18}" y="{y}">{html.escape(name)}</text>'
        )
    parts.append(f'<text x="{_WIDTH}" y="{_HEIGHT + 78}">batch size</text></svg>')
    return "".join(parts)
