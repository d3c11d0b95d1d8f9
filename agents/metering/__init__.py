"""What each role counts for Prometheus: a file per role, and ``listing`` of all of it."""
