"""A simulated Customer.io workspace: a stand-alone ASGI app that imports nothing of the rest."""
