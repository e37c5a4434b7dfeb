"""`make screenshots`: what the pages look like, for docs/screenshots and for whoever judges them."""
