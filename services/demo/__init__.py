"""The demo world: believable workspaces and history on top of what the sandbox holds."""
