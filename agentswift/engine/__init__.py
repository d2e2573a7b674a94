"""Everything that touches ms-swift, torch, transformers and datasets; nothing else does."""

import os

# Threads that spin long at a barrier starve each other on a machine that does anything else: beside one busy process
# a training step took six times as long. Spinning a little costs nothing on an idle one. Read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")
