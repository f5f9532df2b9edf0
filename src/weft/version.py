"""The version of Weft, kept in one place."""

__version__ = "0.1.0"
