"""The table of figures: what was measured, against what, and whether that is enough."""

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("figure", "measured", "against", "ratio", "target", "met")

#: Numbers from here on are shown without decimals.
ENOUGH_DIGITS = 10


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. `measured` and `against` are in `unit`, and `target` is for their ratio."""

    figure: str
    measured: float
    against: float
    ratio: float
    unit: str
    #: A rate has to reach its target; time and memory have to stay within it.
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the ratio is as good as it has to be."""
        return (
            (self.at_least is None or self.ratio >= self.at_least)
            and (self.at_most is None or self.ratio <= self.at_most)
            and (self.below is None or self.ratio < self.below)
        )

    @property
    def target(self) -> str:
        """Return the target as the table shows it."""
        bounds = {"≥": self.at_least, "≤": self.at_most, "<": self.below}
        return ", ".join(f"{sign} {bound}" for sign, bound in bounds.items() if bound is not None)


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD)), *(_line(_cells(row)) for row in rows)]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> Sequence[str]:
    return (
        row.figure,
        f"{_short(row.measured)} {row.unit}",
        f"{_short(row.against)} {row.unit}",
        f"{row.ratio:.2f}",
        row.target,
        "yes" if row.is_met else "**no**",
    )


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= ENOUGH_DIGITS else f"{number:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
