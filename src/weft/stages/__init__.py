"""The package `weft.stages`."""
