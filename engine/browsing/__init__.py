"""What stands behind the browser: the desk, and one module for each sort of question."""
