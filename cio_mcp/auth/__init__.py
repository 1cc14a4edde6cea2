"""Who acts: principals."""
