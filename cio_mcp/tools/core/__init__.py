"""The default toolset."""
