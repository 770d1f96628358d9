"""The systems we speak to. Connectors do not import each other; httpx is `transport`'s alone."""
