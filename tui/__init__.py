"""The terminal: the screen, the command line, and what both say."""

__version__ = "0.1.0"
