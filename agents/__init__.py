"""Who acts: one stage per file, thin agents beside the pure modules that they call."""
