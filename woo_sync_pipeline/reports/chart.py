"""Two small charts as one picture: what the last syncs did, and why records are invalid."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from woo_sync_pipeline.contacts.limits import STORE
from woo_sync_pipeline.reports.bars import COLOURS, INVALID_COLOUR, LINEAR_UP_TO, shown_syncs
from woo_sync_pipeline.reports.report import SyncCounts
from woo_sync_pipeline.state.syncs import SyncRun

_DOTS_PER_INCH = 72
"""Low on purpose: in Dagster the picture lives in the event log."""
_MARGINS = {"left": 0.065, "right": 0.985, "top": 0.88, "bottom": 0.24, "wspace": 0.42}
"""With room for the longest reason. Looking for the best ones takes longer than drawing."""


def sync_chart(syncs: Sequence[SyncRun], reasons: Mapping[str, int], *, noun: str = STORE) -> bytes:
    """A PNG of the last syncs (oldest first; new, updated and failed contacts) beside the invalid reasons.

    Dry runs and what did not succeed are left out.
    """
    shown = shown_syncs(syncs)
    figure = Figure(figsize=(8.5, 2.4), dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    history, why = figure.subplots(1, 2, width_ratios=[2, 1], gridspec_kw=_MARGINS)
    counts = [SyncCounts.from_json(sync.counts) for sync in shown]
    positions = range(len(shown))
    bottom = [0] * len(shown)
    for name, colour in COLOURS.items():
        heights = [int(getattr(each, name)) for each in counts]
        history.bar(positions, heights, bottom=bottom, color=colour, label=name, width=0.8)
        bottom = [low + high for low, high in zip(bottom, heights, strict=True)]
    history.set_title(
        "contacts sent by the last sync"
        if len(shown) == 1
        else f"contacts sent by the last {len(shown)} syncs",
        fontsize=9,
    )
    history.set_xticks(list(positions)[:: max(1, len(shown) // 6)])
    history.set_xticklabels([str(sync.sync_id) for sync in shown][:: max(1, len(shown) // 6)])
    # A first sync is thousands of times larger than a live one: on a straight scale the others would vanish.
    history.set_yscale("symlog", linthresh=LINEAR_UP_TO)
    history.yaxis.set_major_formatter(ScalarFormatter())
    history.legend(
        fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=len(COLOURS), frameon=False
    )
    ordered = sorted(reasons.items(), key=lambda item: item[1])
    why.barh([name for name, _ in ordered], [count for _, count in ordered], color=INVALID_COLOUR)
    why.set_title(f"invalid {noun} records", fontsize=9)
    why.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (history, why):
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", pil_kwargs={"optimize": True})
    return buffer.getvalue()


def data_url(png: bytes) -> str:
    """The picture as a URL that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
