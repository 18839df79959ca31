"""The pieces of the screen. They get values and post messages; they never import screens or the app."""
