"""`make bench`: each figure with its target, measured on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping

from tests.bench import drain, memory, pacing
from tests.bench.figure import Figure

PARTS: Mapping[str, Callable[[], Iterator[Figure]]] = {
    "drain": drain.figures,
    "pacing": pacing.figures,
    "memory": memory.figures,
}


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"only these of {', '.join(PARTS)}")
    for part in parser.parse_args().parts or PARTS:
        for figure in PARTS[part]():
            print(figure, flush=True)


if __name__ == "__main__":
    main()
