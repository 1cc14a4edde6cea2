"""State of the simulated workspace: people, segments, content, deliveries, and time."""
