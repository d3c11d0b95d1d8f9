"""The log as Parquet: written exactly once, read back byte for byte (docs/archive.md)."""
