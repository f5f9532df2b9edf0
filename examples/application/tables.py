"""The tables of PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table

TABLES = MetaData()
TRACKS = Table("tracks", TABLES, Column("id", Integer, primary_key=True), Column("title", String(200), nullable=False))
