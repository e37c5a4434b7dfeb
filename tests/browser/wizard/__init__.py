"""The reconnect wizard in a real browser: a town of broken workspaces, and what people do in it."""
