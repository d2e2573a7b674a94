"""What the plugin could not do exactly, said once a power of ten, so that a million rows give seven lines."""

from collections import Counter

from swift.utils import get_logger

_seen: Counter[str] = Counter()


def note(what: str, why: str) -> None:
    """Count `what` (rows or replies that are encoded or weighed another way), and say so now and then."""
    _seen[what] += 1
    if str(_seen[what]).strip("0") == "1":
        get_logger().warning(f"agentswift: {what}: {_seen[what]} so far in this process; this one: {why}")
