"""What happened: reporting webhooks, and the feed of them."""
