"""Why a customer did or did not get a message."""
