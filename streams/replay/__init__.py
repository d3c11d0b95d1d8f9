"""Records of the past, sent again (docs/replay.md)."""
