"""Data that ships with Weft: its own schemas, and the project that `weft init` starts from."""
