"""Reconnect links: sent, opened by the address they are bound to, and ended; lists of them for people."""
