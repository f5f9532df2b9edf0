"""The package `weft.base`."""
