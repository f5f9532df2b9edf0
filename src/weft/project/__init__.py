"""The package `weft.project`."""
