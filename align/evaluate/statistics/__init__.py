"""Say how sure a score is: intervals, tests, and corrections for length and style, as pure functions.

Each file is one subject. `shares`, `means` and `differences` give intervals, `significance` gives p-values,
`comparison` puts both into a verdict on two models, and `length_control` and `style_control` correct the win
rate that a judge gives. The functions take one value an item and need numpy only.
"""

__all__: list[str] = []
