"""What is wrong in a workspace."""
