"""System call handlers, one module per domain, each declared once with typed arguments."""
