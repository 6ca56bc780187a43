"""The pages of the Dagster UI as these tests use them: found by what people read on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import FloatRect, Locator, Page, expect

_LOCATION = "woo_sync_pipeline"
_MARGIN = 16


class DagsterPage:
    """A window with the UI."""

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page = page
        self._url, self._pictures = url, pictures

    def open(self, path: str) -> None:
        self.page.goto(f"{self._url}{path}")

    def open_group(self, group: str) -> None:
        """The graph of one source."""
        self.open(f"/locations/{_LOCATION}/asset-groups/{group}/lineage")

    def open_groups_expanded(self, *groups: str) -> None:
        """The graphs of several sources, one below the other."""
        selection = quote(" or ".join(f'group:"{group}"' for group in groups), safe="")
        # Groups of the global graph are named by where they are deployed, of which a single server says nothing.
        expanded = quote(",".join(f"global@global:{group}" for group in groups))
        self.open(f"/asset-groups~{selection}?expanded={expanded}")

    def open_asset(self, group: str, asset: str, *, view: str, more: str = "") -> None:
        self.open(f"/assets/{group}/{asset}?view={view}{more}")

    def open_launchpad(self, job: str) -> None:
        """Where a run of a job is configured."""
        self.open(f"/locations/{_LOCATION}/jobs/{job}/playground")

    def write_config(self, config: str) -> None:
        """Write the configuration of a run, line by line, as if it was pasted."""
        editor = self.page.locator(".CodeMirror").first
        expect(editor).to_be_visible()
        editor.evaluate("(element, text) => element.CodeMirror.setValue(text)", config)

    @property
    def nodes(self) -> Locator:
        """The boxes of a graph."""
        return self.page.locator("svg foreignObject")

    def node(self, name: str) -> Locator:
        return self.nodes.filter(has=self.page.get_by_text(name, exact=True))

    def open_launch_dialog(self) -> Locator:
        """The dialog behind the button of a graph that materialises all its assets."""
        self.page.get_by_role("button", name="Materialize all").click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Partition selection")
        return dialog

    def launch(self, dialog: Locator, button: str) -> str:
        """Launch; returns the id of the run or backfill, whose page is open then."""
        dialog.get_by_role("button", name=button, exact=True).click()
        path = self.page.locator("a[href^='/runs/']", has_text="View").get_attribute("href")
        assert path is not None
        self.open(path)
        return path.rpartition("/")[2]

    def row(self, label: str, *, within: Locator | None = None) -> Locator:
        """The row of a table that has a cell with just this label."""
        rows = (within or self.page).get_by_role("row")
        return rows.filter(has=self.page.get_by_role("cell", name=label, exact=True))

    def take_picture(self, name: str, *shown: Locator) -> None:
        """A picture of the part of the window that holds all these elements; of the window if there are none."""
        boxes = [box for each in shown for one in each.all() if (box := one.bounding_box()) is not None]
        clip = _around(boxes) if shown else None
        self.page.screenshot(path=self._pictures / name, clip=clip, animations="disabled")


def _around(boxes: Sequence[FloatRect]) -> FloatRect:
    left = max(0, min(box["x"] for box in boxes) - _MARGIN)
    top = max(0, min(box["y"] for box in boxes) - _MARGIN)
    right = max(box["x"] + box["width"] for box in boxes) + _MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + _MARGIN
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}
