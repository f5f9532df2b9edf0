"""A test."""
