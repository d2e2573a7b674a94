"""Chance that is the same on every machine: one generator a (seed, names), none hangs on another."""

import hashlib
import json
import random


def seeded(*key: int | str) -> random.Random:
    """Return the generator of `key`; whoever draws from it changes nobody else's draws."""
    digest = hashlib.sha256(json.dumps(key).encode("ascii")).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
