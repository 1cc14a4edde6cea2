"""The toolset for objects, such as companies or courses, and their relationships to customers."""
