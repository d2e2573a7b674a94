"""agentswift: train language models to call tools, over ms-swift."""
