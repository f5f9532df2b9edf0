"""The package `weft.lint`."""
