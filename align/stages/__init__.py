"""One file a stage kind: its fields and its run(). Heavy libraries are imported inside run()."""

__all__: list[str] = []
