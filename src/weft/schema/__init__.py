"""JSON Schema: the files, joined, and what they say about each place of a configuration."""
