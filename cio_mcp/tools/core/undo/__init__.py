"""The undo of changes, by what they changed."""
