"""What runs in the sandbox's own processes. Standard library only, and numpy where it is allowed: no import of `align`."""

__all__: list[str] = []
