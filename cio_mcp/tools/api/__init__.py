"""Toolset `api`: every documented operation, from the table of operations."""
