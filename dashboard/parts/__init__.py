"""View parts: what pages are made of."""
