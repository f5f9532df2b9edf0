"""The package `weft.files`."""
