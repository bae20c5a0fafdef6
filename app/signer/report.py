"""Flows headings, rows and tables over as many A4 pages as they need."""

import io
from collections.abc import Sequence
from datetime import datetime

import pikepdf
from pikepdf import Dictionary, String

from app.signer.canvas import Box, Canvas, Colour, Fonts
from app.signer.typefaces import Style
from app.signer.typesetting import Setting, wrap

_PAGE_WIDTH, _PAGE_HEIGHT = 595.28, 841.89  # A4, in points, as all measures here
_MARGIN = 60.0
_FOOTER = 64.0
_LABEL_WIDTH = 118.0
_GUTTER = 12.0

NAVY: Colour = (0.09, 0.17, 0.35)
TEXT: Colour = (0.13, 0.15, 0.18)
GREY: Colour = (0.42, 0.45, 0.50)
_HAIRLINE: Colour = (0.84, 0.86, 0.89)


class Report:
    """A document that grows downwards; every text is wrapped, in any script."""

    width = _PAGE_WIDTH - 2 * _MARGIN

    def __init__(self, footer: str) -> None:
        self._pdf = pikepdf.new()
        self._fonts = Fonts(self._pdf)
        self._footer = footer
        self._pages: list[Canvas] = []
        self._y = 0.0
        #: Characters that no typeface has and that are shown as boxes.
        self.missing: dict[str, None] = {}
        self._begin_page()

    def banner(self, title: str, subtitle: str) -> None:
        """Begin with a title over a coloured line."""
        self._write(self._set(title, 24, self.width, Style.BOLD), colour=NAVY)
        self._y -= 2
        self._write(self._set(subtitle, 12, self.width), colour=TEXT)
        self._y -= 12
        self._page.rectangle(Box(_MARGIN, self._y, self.width, 2), colour=NAVY)
        self._y -= 6

    def heading(self, text: str, *, followed_by: float = 60) -> None:
        """Begin a section, on a new page unless that many points fit below it."""
        setting = self._set(text, 11.5, self.width, Style.BOLD)
        self._y -= 14
        self._reserve(setting.height + followed_by)
        self._write(setting, colour=NAVY)
        self._rule(gap=3)

    def title_row(self, left: str, right: str) -> None:
        """Set a name with a remark at the right margin."""
        remark = self._set(right, 8.5, self.width)
        name = self._set(left, 10.5, self.width - remark.width - _GUTTER, Style.BOLD)
        self._y -= 8
        self._reserve(name.height + 50)
        top = self._y
        self._page.paragraph(
            remark, Box(_MARGIN, top - name.height, self.width, name.height - 2.5), align=1, colour=GREY
        )
        self._write(name, colour=TEXT)

    def row(self, label: str, value: str) -> None:
        """Set a label and what it says."""
        key = self._set(label, 8.5, _LABEL_WIDTH)
        text = self._set(value, 8.5, self.width - _LABEL_WIDTH - _GUTTER)
        self._reserve(max(key.height, text.height))
        top = self._y
        self._write(key, colour=GREY)
        below = self._y
        self._y = top
        self._write(text, left=_LABEL_WIDTH + _GUTTER, colour=TEXT)
        self._y = min(self._y, below) - 1

    def paragraph(self, text: str, *, colour: Colour = TEXT) -> None:
        """Set running text."""
        self._write(self._set(text, 8.5, self.width), colour=colour)
        self._y -= 2

    def table(self, titles: Sequence[str], widths: Sequence[float], rows: Sequence[Sequence[str]]) -> None:
        """Set a table; `widths` are shares of the page, and the titles are repeated on each page."""
        columns = [share * self.width - _GUTTER for share in widths]
        lefts = [sum(widths[:index]) * self.width for index in range(len(widths))]

        def line(cells: Sequence[str], colour: Colour, size: float) -> None:
            settings = [self._set(cell, size, width) for cell, width in zip(cells, columns, strict=True)]
            top, lowest = self._y, self._y
            for setting, left in zip(settings, lefts, strict=True):
                self._y = top
                self._write(setting, left=left, colour=colour)
                lowest = min(lowest, self._y)
            self._y = lowest
            self._rule(gap=2.5)

        line(titles, GREY, 8)
        for cells in rows:
            height = max(self._set(cell, 8, width).height for cell, width in zip(cells, columns, strict=True))
            if self._reserve(height + 6):
                line(titles, GREY, 8)
            line(cells, TEXT, 8)

    def space(self, points: float) -> None:
        """Leave room."""
        self._y -= points

    def finish(self, *, title: str, created_at: datetime) -> bytes:
        """Return the PDF; equal contents give equal bytes."""
        for number, page in enumerate(self._pages, start=1):
            self._draw_footer(page, f"Page {number} of {len(self._pages)}")
        self._fonts.embed()
        for page in self._pages:
            sheet = self._pdf.add_blank_page(page_size=(_PAGE_WIDTH, _PAGE_HEIGHT))
            sheet.obj.Contents = self._pdf.make_stream(page.content)
            sheet.obj.Resources = page.resources
        self._pdf.Root.Lang = String("en")
        self._pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
        stamp = f"D:{created_at:%Y%m%d%H%M%S}Z"
        self._pdf.trailer.Info = self._pdf.make_indirect(
            Dictionary(Title=title, Producer="Countersign", CreationDate=stamp, ModDate=stamp)
        )
        output = io.BytesIO()
        self._pdf.save(output, deterministic_id=True, min_version="1.7")
        return output.getvalue()

    @property
    def _page(self) -> Canvas:
        return self._pages[-1]

    def _begin_page(self) -> None:
        self._pages.append(Canvas(self._pdf, self._fonts))
        self._y = _PAGE_HEIGHT - _MARGIN

    def _reserve(self, height: float) -> bool:
        """Begin a new page unless that much fits on this one; tell whether it did."""
        if self._y - height >= _FOOTER:
            return False
        self._begin_page()
        return True

    def _set(self, text: str, size: float, width: float, style: Style = Style.REGULAR) -> Setting:
        setting = Setting(lines=wrap(text, width * 1000 / size, style), size=size)
        self.missing |= dict.fromkeys(setting.missing)
        return setting

    def _write(self, setting: Setting, *, left: float = 0, colour: Colour) -> None:
        """Set the lines below what is there, from page to page if need be."""
        for line in setting.lines:
            height = line.height * setting.size / 1000
            self._reserve(height)
            self._page.text(
                line, _MARGIN + left, self._y - line.ascent * setting.size / 1000, setting.size, colour=colour
            )
            self._y -= height

    def _rule(self, *, gap: float) -> None:
        self._y -= gap
        self._page.rectangle(Box(_MARGIN, self._y, self.width, 0.5), colour=_HAIRLINE)
        self._y -= gap

    def _draw_footer(self, page: Canvas, number: str) -> None:
        box = Box(_MARGIN, _FOOTER - 32, self.width, 16)
        page.rectangle(Box(_MARGIN, box.y + box.height, self.width, 0.5), colour=_HAIRLINE)
        page.paragraph(self._set(self._footer, 7.5, self.width - 80), box, align=0, colour=GREY)
        page.paragraph(self._set(number, 7.5, 80), box, align=1, colour=GREY)
