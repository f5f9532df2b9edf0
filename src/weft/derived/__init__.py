"""What is derived from the schemas for others: one file, reference pages, types, a custom resource, a list of changes."""
