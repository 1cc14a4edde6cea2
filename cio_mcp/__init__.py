"""An MCP server through which assistants operate a Customer.io workspace and people stay in charge."""

__version__ = "0.1.0"
