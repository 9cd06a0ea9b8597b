"""Published results and records: what they are, what this package reaches, and how the two are compared."""
