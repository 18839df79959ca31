"""What stands behind the planner: the rules, and one module for each kind of item."""
