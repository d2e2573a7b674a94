"""agentswift: train language models to call tools, over ms-swift."""

__version__ = "0.1.0"
