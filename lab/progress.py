"""Progress lines on standard error: elapsed seconds, and what is happening."""

import sys
import time


class Progress:
    """A clock that starts when it is made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, what: str) -> None:
        """Print one line."""
        elapsed = time.monotonic() - self._start
        print(f"{elapsed:6.1f} s  {what}", file=sys.stderr, flush=True)
