"""The package `weft.secret_files`."""
