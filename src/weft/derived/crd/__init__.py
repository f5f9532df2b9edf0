"""The package `weft.derived.crd`."""
