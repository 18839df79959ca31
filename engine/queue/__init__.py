"""The parts of the queue behind `engine.manager`."""
