"""The table of figures: what was measured, against what, and whether that is enough."""

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("figure", "measured", "against", "ratio", "target", "met")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. `measured` and `against` are in `unit`, and `target` is for their ratio."""

    figure: str
    measured: float
    against: float
    ratio: float
    unit: str
    #: A rate has to reach its target, a delay has to stay below it.
    at_least: float | None = None
    below: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the ratio is as good as it has to be."""
        reaches = self.at_least is None or self.ratio >= self.at_least
        return reaches and (self.below is None or self.ratio < self.below)

    @property
    def target(self) -> str:
        """Return the target as the table shows it."""
        return f"≥ {self.at_least}" if self.below is None else f"< {self.below}"


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD)), *(_line(_cells(row)) for row in rows)]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> Sequence[str]:
    return (
        row.figure,
        f"{row.measured:.0f} {row.unit}",
        f"{row.against:.0f} {row.unit}",
        f"{row.ratio:.2f}",
        row.target,
        "yes" if row.is_met else "**no**",
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
