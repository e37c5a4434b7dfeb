"""The help article's steps, in its order and words, on the web and on a phone."""

from __future__ import annotations

from dataclasses import dataclass

#: What the platform has called its button for step 5, newest last.
BUTTON_LABELS = ("Reconnect", "Enter your credentials")


@dataclass(frozen=True, slots=True)
class Wording:
    """One step of the article, and what it is on a phone."""

    web: str  #: the article's own words
    mobile: str


_TO_ACCOUNTING = (
    Wording("Go to Settings > Workspaces.", "Tap Workspaces in the bar at the bottom."),
    Wording("Select your Workspace.", "Tap your Workspace."),
    Wording("Click Accounting.", "Tap Accounting."),
)
RECONNECT_STEPS = (
    *_TO_ACCOUNTING,
    Wording("Click Sync Now.", "Tap the three dots beside Xero, then Sync Now."),
    Wording("When prompted, click Reconnect.", "When prompted, tap Reconnect."),
    Wording(
        "Log in using the Xero admin credentials that were originally used to set up the connection.",
        "Log in using the Xero admin credentials that were originally used to set up the connection.",
    ),
    Wording("Authorize the connection.", "Authorize the connection."),
)
RETRY_STEPS = (
    *_TO_ACCOUNTING,
    Wording("Click Sync Now again.", "Tap the three dots beside Xero, then Sync Now again."),
    Wording(
        "Retry exporting any reports that previously failed.",
        "Retry exporting any reports that previously failed.",
    ),
)
