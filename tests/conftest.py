"""Every test starts from settings of its own, whatever the shell it runs in has set."""

from __future__ import annotations

import os

for _name in [name for name in os.environ if name.startswith("RELINK_")]:
    del os.environ[_name]
