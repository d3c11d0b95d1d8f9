"""What runs inside the sandboxes; it imports the standard library and itself only."""
