"""Drawing of a bar chart: where its bars are, in units of an SVG."""

from collections.abc import Sequence
from typing import Final, NamedTuple

WIDTH: Final = 960
HEIGHT: Final = 180
_FOOT: Final = 22
_HEAD: Final = 16
_FILL: Final = 0.72
"""How much of its place a bar takes."""
_LABELS: Final = 12
"""Labels that have room."""


class Bar(NamedTuple):
    """A bar in two parts. top, part_top: of the whole and of its lower part. label: "" for none."""

    x: float
    width: float
    top: float
    height: float
    part_top: float
    part_height: float
    middle: float
    label: str
    said: str


class BarChart(NamedTuple):
    """The whole chart. most: what its highest bar stands for."""

    width: int
    height: int
    foot: int
    most: int
    bars: list[Bar]


def charted(values: Sequence[tuple[str, int, int]]) -> BarChart:
    """Draw bars: of each its label, its whole, and the part that is shown below in it."""
    most = max((whole for _, whole, _ in values), default=0)
    place, floor = WIDTH / max(1, len(values)), HEIGHT - _FOOT
    unit = (floor - _HEAD) / most if most else 0
    every = -(-len(values) // _LABELS) or 1
    bars = [
        Bar(
            x=round(place * (index + (1 - _FILL) / 2), 1),
            width=round(place * _FILL, 1),
            top=round(floor - whole * unit, 1),
            height=round(whole * unit, 1),
            part_top=round(floor - part * unit, 1),
            part_height=round(part * unit, 1),
            middle=round(place * (index + 0.5), 1),
            label="" if index % every else label,
            said=f"{label}: {part} / {whole}",
        )
        for index, (label, whole, part) in enumerate(values)
    ]
    return BarChart(WIDTH, HEIGHT, floor, most, bars)
