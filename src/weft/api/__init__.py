"""The package `weft.api`."""
