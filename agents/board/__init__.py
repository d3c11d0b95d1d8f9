"""The dashboard's parts: what it knows (pure), how it finds out, the page that shows it."""
