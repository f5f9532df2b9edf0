"""The package `weft.report`."""
