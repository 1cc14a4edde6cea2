"""Routes of the simulated APIs, one module per domain."""
