"""Charts as inline SVG. They stretch to their column, so they hold shapes only; names and figures are text beside them."""

import math
from collections.abc import Sequence
from html import escape


def stack(parts: Sequence[tuple[str, float]], label: str, whole: float | None = None, before: float = 0.0) -> str:
    """One horizontal bar of (CSS class, amount) pieces. `whole`: what the full width stands for; `before`: what is left free first."""
    whole = whole or sum(amount for _, amount in parts) or 1.0
    x, pieces = 1000 * before / whole, []
    for name, amount in parts:
        width = 1000 * amount / whole
        if amount:
            pieces.append(f"<rect class='{name}' x='{x:.1f}' y='0' width='{max(width, 1.5):.1f}' height='10'/>")
        x += width
    return (
        f"<svg class=bar viewBox='0 0 1000 10' preserveAspectRatio=none role=img aria-label='{escape(label, quote=True)}'>"
        f"{''.join(pieces)}</svg>"
    )


class LogAxis:
    """A logarithmic axis for shares, from a little below the smallest to a little above the largest."""

    def __init__(self, shares: Sequence[float]) -> None:
        """Shares above 0; others lie on the axis' lower end."""
        self._low = max(1e-6, min(shares) * 0.7)
        self._high = max(min(1.0, max(shares) * 1.5), self._low * 2)
        ticks = (step * 10.0**-i for i in range(7) for step in (5, 2, 1))
        self._ticks = [t for t in ticks if self._low * 1.05 < t < self._high * 0.95]
        if len(self._ticks) > 5:
            self._ticks = [t for t in self._ticks if f"{t:e}"[0] == "1"]

    def place(self, share: float) -> str:
        """Where a share lies, in percent of the width: dots stay round at any width."""
        part = math.log(max(share, self._low) / self._low) / math.log(self._high / self._low)
        return f"{1 + 98 * min(part, 1.0):.2f}%"

    def labels(self) -> str:
        """Its ticks (HTML)."""
        marks = "".join(f"<i style='left:{self.place(t)}'>{t * 100:g} %</i>" for t in self._ticks)
        return f"<span class=axis aria-hidden=true>{marks}</span>"

    def dumbbell(self, before: float, after: float, even: float, label: str) -> str:
        """Two shares, and a line at the even share."""
        x, y = self.place(before), self.place(after)
        lines = "".join(self._upright(t) for t in self._ticks) + self._upright(even, "even")
        return (
            f"<svg class=dots role=img aria-label='{escape(label, quote=True)}'>{lines}"
            f"<line class=span x1='{x}' x2='{y}' y1='50%' y2='50%'/>"
            f"<circle class=before cx='{x}' cy='50%' r=4 /><circle class=after cx='{y}' cy='50%' r=5 /></svg>"
        )

    def _upright(self, share: float, css: str = "tick") -> str:
        at = self.place(share)
        return f"<line class={css} x1='{at}' x2='{at}' y1=0 y2='100%'/>"
