"""Data that ships with Weft: its own schemas, and the project that `weft init` starts from.

The files are read with `importlib.resources`. There is no code in this package, and it imports nothing.
"""
