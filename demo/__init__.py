"""The try-out: the sandbox in a process of its own, and the real app pointed at it."""
