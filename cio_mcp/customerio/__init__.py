"""The Customer.io API client; it knows neither MCP nor the gate."""
