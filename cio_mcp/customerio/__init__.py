"""Customer.io's APIs: what they offer, and the client that calls them."""
