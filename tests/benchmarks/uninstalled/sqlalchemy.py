"""Hides SQLAlchemy, which only a contender needs, from a refresh, which would import it."""

raise ImportError
