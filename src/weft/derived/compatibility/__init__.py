"""The package `weft.derived.compatibility`."""
