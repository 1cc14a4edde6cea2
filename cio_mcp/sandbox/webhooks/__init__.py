"""Reporting webhooks: the endpoints, the events posted to them, and the posting itself."""
