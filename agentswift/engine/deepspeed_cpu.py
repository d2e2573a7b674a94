"""DeepSpeed on a CPU: what has to be done before ms-swift makes the model."""

import os
from collections.abc import Sequence


def ready(arguments: Sequence[str]) -> None:
    """Let the ranks meet now, where ms-swift's arguments ask for DeepSpeed on a CPU.

    ZeRO-3 splits the model while it is loaded, and without ranks that know each other takes itself to be alone. The
    shared-memory operator is left out: DeepSpeed would compile it at the first start, for minutes, and wait for ever
    on the lock of a start that was killed.
    """
    if "--deepspeed" not in arguments or "--use_cpu" not in arguments or "WORLD_SIZE" not in os.environ:
        return
    if arguments[arguments.index("--use_cpu") + 1] != "true":
        return
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import deepspeed

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed("gloo")
