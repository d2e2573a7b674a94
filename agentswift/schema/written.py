"""A run that was written down, RUN/run.yaml, as the dataclass it was: for processes that know no Hydra."""

from pathlib import Path
from typing import cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from agentswift.errors import UsageError
from agentswift.schema.runs import Train


def read_train(file: Path) -> Train:
    """Return the training run in `file`. Raises UsageError where it is none."""
    try:
        said = OmegaConf.merge(OmegaConf.structured(Train), OmegaConf.load(file))
        return cast(Train, OmegaConf.to_object(said))
    except (OSError, YAMLError, OmegaConfBaseException, ValueError) as error:
        raise UsageError(f"{file} is no run of train (its run.yaml): {str(error).splitlines()[0]}") from error
