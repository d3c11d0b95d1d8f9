"""Letters of ``dead-letters`` back to the topics that they came from."""
