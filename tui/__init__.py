"""The terminal screen and the command line of s3tui: shows and asks; the engine does."""
