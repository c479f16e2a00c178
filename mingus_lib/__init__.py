"""mingus: the background half of an article library."""

__version__ = "0.1.0"
