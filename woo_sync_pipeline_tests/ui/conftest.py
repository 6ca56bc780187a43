"""A browser, and the Dagster UI in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from woo_sync_pipeline.demo.world import TIMEZONE
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.ui.pages import DagsterPage
from woo_sync_pipeline_tests.ui.served import ServedUi, serve_ui

PICTURES_ENV = "WOO_SYNC_PICTURES"
"""A folder for the pictures of the README, which these tests take; without it they go the way of `tmp_path`."""

_PATIENCE_MILLISECONDS = 60_000
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The UI needs nothing from elsewhere, and nothing shall be asked for there.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium: apt-get install chromium fonts-dejavu-core")
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def ui(
    browser: Browser,
    postgres: DatabaseServer,
    template_dagster: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServedUi]:
    """The servers behind the UI, started once: each test lets something of its own happen in the stores."""
    folder = tmp_path_factory.mktemp("ui")
    with postgres.database(template=template_dagster) as url, serve_ui(folder, url) as served:
        yield served


@pytest.fixture
def page(browser: Browser, ui: ServedUi, tmp_path: Path) -> Iterator[Page]:
    # The launch dialog leaves out days that have not begun where the browser is.
    context = browser.new_context(viewport={"width": 1900, "height": 1000}, timezone_id=TIMEZONE)
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    page = context.new_page()
    yield page
    page.screenshot(path=tmp_path / "end.png")
    context.close()


@pytest.fixture
def dagster(page: Page, ui: ServedUi, tmp_path: Path) -> DagsterPage:
    """The UI in a fresh browser window."""
    return DagsterPage(page, ui.url, Path(os.environ.get(PICTURES_ENV) or tmp_path))
