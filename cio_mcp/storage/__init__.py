"""All SQL: one schema behind one URL; functions return plain row dataclasses."""
