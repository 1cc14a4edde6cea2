"""Jobs: long work that the server owns, in batches that may be repeated without harm."""
