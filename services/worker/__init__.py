"""The worker process: what takes long, and what happens by the clock."""
