"""Sources side by side, or one in two periods."""
