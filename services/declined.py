"""What cannot be done for the person who asked."""

from __future__ import annotations


class Declined(Exception):
    """An act that cannot be done as asked; the text is a sentence for the screen: what, why, what next."""
