"""What ${...} in a configuration may ask for: the run's folder; the environment, but for secrets."""

import os
import re
from datetime import datetime
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from agentswift.errors import UsageError

_SECRET = re.compile(r"token|key|secret|passw|credential", re.IGNORECASE)
_NOT_GIVEN = "_NOT_GIVEN_"


def register_resolvers() -> None:
    """Make ${run_folder:} known, and let ${oc.env:NAME} refuse secrets; safe to call twice."""
    OmegaConf.register_new_resolver("run_folder", _run_folder, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("oc.env", _environment, replace=True)


def _run_folder() -> str:
    """Return runs/NAME/STAMP, absolute and not made yet; in a sweep the folder that Hydra made for the point."""
    if not HydraConfig.initialized():
        return "runs"  # composed outside a command, for --help
    hydra = HydraConfig.get()
    if hydra.mode is RunMode.MULTIRUN:
        return str(hydra.runtime.output_dir)
    return os.path.abspath(f"runs/{hydra.job.name}/{datetime.now():%Y-%m-%d_%H-%M-%S.%f}")


def _environment(name: str, default: Any = _NOT_GIVEN) -> Any:
    """Return an environment variable, as OmegaConf does. Raises UsageError for a secret's, and for one not set."""
    if _SECRET.search(name):
        raise UsageError(
            f"${{oc.env:{name}}} looks like a secret, and the config is written into the run's folder. "
            f"No key needs it: hubs and loggers read {name} from the environment themselves"
        )
    if (value := os.environ.get(name)) is not None:
        return value
    if default is _NOT_GIVEN:
        raise UsageError(
            f"${{oc.env:{name}}}: the environment has no {name}. Set it, or give a default: ${{oc.env:{name},default}}"
        )
    return default if default is None else str(default)
