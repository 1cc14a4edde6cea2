"""HTTP beside MCP."""
