"""All stories of the wizard, and the town they are played in."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.wizard import around, refused
from tests.browser.wizard.town import Town
from tests.browser.wizard.visit import Scene, Story, Visit

STORIES = (*refused.STORIES, *around.STORIES)


def build(town: Town) -> None:
    """Open the workspace of every story."""
    for story in STORIES:
        town.shops[story.trade] = story.prepare(town, story.trade)


def find(name: str) -> tuple[Story, Scene]:
    """Return a scene by its name, with the story that it belongs to."""
    [found] = [(story, scene) for story in STORIES for scene in story.scenes if scene.name == name]
    return found


def play(town: Town, name: str) -> tuple[Visit, Page]:
    """Play a scene, and before it those of its story that lead to it."""
    visit = arrive(town, name)
    return visit, find(name)[1].play(visit)


def arrive(town: Town, name: str) -> Visit:
    """Play what leads to a scene, and not yet the scene itself."""
    story, scene = find(name)
    visit = Visit(town, town.shops[story.trade])
    for earlier in story.scenes[: story.scenes.index(scene)]:
        earlier.play(visit)
    return visit
