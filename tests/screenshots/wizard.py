"""Every scene of the reconnect wizard, light and dark into docs/screenshots/wizard, narrow into var."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page

from tests.browser.wizard.stories import STORIES, build
from tests.browser.wizard.town import HEIGHT, WIDTH, open_town
from tests.browser.wizard.visit import Visit
from tests.house import ROOT

SHOWN = ROOT / "docs" / "screenshots" / "wizard"
NARROW = ROOT / "var" / "screenshots" / "wizard"
NARROW_WIDTH, MARGIN = 390, 12
SETTLE_MS = 500  # Streamlit redraws after a change of theme or width without saying when it is done


class Look(NamedTuple):
    """One way to look at a scene."""

    name: str
    scheme: Literal["light", "dark"]
    width: int
    folder: Path


LOOKS = (
    Look("light", "light", WIDTH, SHOWN),
    Look("dark", "dark", WIDTH, SHOWN),
    Look("narrow", "light", NARROW_WIDTH, NARROW),
)


def take_all(browser: Browser, folder: Path) -> None:
    """Play every story in a town of its own, and take a picture of each scene in every look."""
    for look in LOOKS:
        look.folder.mkdir(parents=True, exist_ok=True)
    with open_town(folder, browser, build) as town:
        for story in STORIES:
            visit = Visit(town, town.shops[story.trade])
            for scene in story.scenes:
                _take(scene.play(visit), scene.name)
            town.calm()


def _take(page: Page, name: str) -> None:
    for look in LOOKS:
        page.emulate_media(color_scheme=look.scheme)
        page.set_viewport_size({"width": look.width, "height": HEIGHT})
        page.mouse.move(0, 0)
        _settle(page)
        page.set_viewport_size({"width": look.width, "height": _height(page)})
        _settle(page)
        _save(page.screenshot(clip=_clip(page, look.width)), look.folder / f"{name}-{look.name}.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def _save(picture: bytes, path: Path) -> None:
    """Save a picture with a palette, which makes it a third as large: seventy of them are kept."""
    # The usual method gives its colours to the greys of letters, and a red badge turns brown.
    whole = Image.open(BytesIO(picture)).convert("RGB")
    whole.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def _settle(page: Page) -> None:
    page.locator("h1").first.wait_for()
    page.get_by_test_id("stStatusWidget").wait_for(state="hidden")
    page.wait_for_timeout(SETTLE_MS)


def _height(page: Page) -> int:
    """Return how high the window has to be: a Streamlit page scrolls inside itself."""
    inside = "document.querySelector('[data-testid=stMain]')?.scrollHeight ?? document.body.scrollHeight"
    return max(HEIGHT, int(page.evaluate(inside)))


def _clip(page: Page, width: int) -> FloatRect:
    """Return what of the window is content, with a margin; below the steps nothing follows."""
    box = page.evaluate(
        """() => {
            const page = document.querySelector('[data-testid=stMainBlockContainer]')
            const inside = page?.querySelector('[data-testid=stVerticalBlock]')
            const content = inside ?? document.querySelector('main')
            const box = content.getBoundingClientRect()
            return {left: page ? 0 : box.left, top: page ? 0 : box.top, right: box.right, bottom: box.bottom}
        }"""
    )
    left, top = max(0, box["left"] - MARGIN), max(0, box["top"] - MARGIN)
    right = min(width, box["right"] + MARGIN)
    return {"x": left, "y": top, "width": right - left, "height": box["bottom"] + MARGIN - top}
