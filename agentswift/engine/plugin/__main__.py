"""Prints the path of the plugin: `swift sft --external_plugins $(python -m agentswift.engine.plugin) …`."""

from agentswift.engine.plugin import plugin_file

if __name__ == "__main__":
    print(plugin_file())
