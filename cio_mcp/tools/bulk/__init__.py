"""Tools for many customers at once."""
