"""The tools an assistant sees, registered from one table."""
