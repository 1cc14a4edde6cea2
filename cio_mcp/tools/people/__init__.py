"""The toolset for removing and merging customers, and for their devices."""
