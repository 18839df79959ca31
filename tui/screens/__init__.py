"""The main screen and the questions asked over it."""
