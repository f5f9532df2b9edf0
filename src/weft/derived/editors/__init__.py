"""The package `weft.derived.editors`."""
