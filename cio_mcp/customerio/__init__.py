"""How a request leaves: calls as data, lanes and limiter, retries, authentication, reading and execution."""
