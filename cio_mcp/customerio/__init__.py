"""The Customer.io API client: operations as data, calls, rate limits, retries and reading. It knows neither MCP nor the gate."""
