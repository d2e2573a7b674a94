"""YAML and the command line → one checked dataclass. The only room that knows Hydra."""

from agentswift.compose.app import Command, command, compose_run

__all__ = ["Command", "command", "compose_run"]
