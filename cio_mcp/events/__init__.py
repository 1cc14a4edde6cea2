"""Events: reporting webhooks and their log."""
