"""The command line, one group of commands per file; ``agents.cli`` puts them together."""
