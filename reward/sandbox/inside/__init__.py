"""Code for the sandbox's own processes. It imports the standard library and numpy, never `align`."""

__all__: list[str] = []
