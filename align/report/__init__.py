"""What a run says about itself: for now, the model card of an export."""

__all__: list[str] = []
