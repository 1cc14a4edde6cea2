"""Helpers that tools share."""
