"""What `swift sft --external_plugins` imports. No class may stand here: a worker process would not find it."""

import agentswift.engine.plugin.register  # noqa: F401
