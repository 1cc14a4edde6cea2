"""MCP wired to a workspace."""
