"""`python -m application.migrate`: bring the primary's tables up to date; what the migration Job runs before a rollout."""

from __future__ import annotations

from application.databases import direct
from application.settings import Postgresql
from application.tables import TABLES


def main() -> None:
    """Create the tables that are missing."""
    TABLES.create_all(direct(Postgresql()))


if __name__ == "__main__":
    main()
