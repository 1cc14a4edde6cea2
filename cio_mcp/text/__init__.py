"""Text: foreign text made harmless, masking, and the one renderer of answers and questions."""
