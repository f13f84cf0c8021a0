"""Reference in, verified layers out. Knows HTTP and JSON, not Linux."""
