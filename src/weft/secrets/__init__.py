"""The package `weft.secrets`."""
