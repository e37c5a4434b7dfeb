"""All stories of the wizard, and the town they are played in."""

from __future__ import annotations

from tests.browser.wizard import around, refused
from tests.browser.wizard.town import Town

STORIES = (*refused.STORIES, *around.STORIES)


def build(town: Town) -> None:
    """Open the workspace of every story."""
    for story in STORIES:
        town.shops[story.trade] = story.prepare(town, story.trade)
