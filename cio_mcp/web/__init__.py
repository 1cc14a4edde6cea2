"""The HTTP application, its endpoints, and its limits."""
