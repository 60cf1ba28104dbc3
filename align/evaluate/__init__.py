"""Did the model get better? Tasks with exact checkers, intervals, and the table across stages."""

__all__: list[str] = []
