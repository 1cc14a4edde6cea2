"""Exports that an analyst schedules: metrics by day, and the event log, as files that grow with each run."""
