"""The package `weft.stages.render`."""
