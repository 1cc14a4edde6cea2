"""Administration of the workspace."""
