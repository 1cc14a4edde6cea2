"""The toolset for the data that messages share: collections and snippets."""
