"""Who acts: it makes the callers of requests."""
