"""Print the numbers that the tests of length and style control hold, from the published code.

    python references_control.py ALPACA_EVAL ARENA_HARD

The arguments are checkouts of tatsu-lab/alpaca_eval (cd543a1) and lmarena/arena-hard-auto (196f6b8); their code needs
scikit-learn (1.9.1 made the numbers), pandas, patsy, statsmodels, torch, tiktoken and huggingface_hub. CI does not run
this file.
"""

# ruff: noqa: T201
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
import test_length_control
import test_style_control


def length_control(checkout):
    sys.path.insert(0, str(Path(checkout) / "src"))
    from alpaca_eval.metrics import glm_winrate

    folder = tempfile.mkdtemp()
    glm_winrate.hf_hub_download = lambda **_: f"{folder}/gamed.csv"
    kept = {}
    published_fit = glm_winrate.fit_LogisticRegressionCV

    def keep(*positional, **named):
        kept["model"] = published_fit(*positional, **named)
        return kept["model"]

    glm_winrate.fit_LogisticRegressionCV = keep
    for n, missing in ((40, []), (120, []), (120, [3, 50, 51])):
        preferences, baseline, lengths, difficulty = test_length_control.annotations(n, n)
        preferences[missing] = np.nan
        gamed = test_length_control.anchors(difficulty, n + 1)
        columns = {"preference": gamed.preferences, "std_delta_len": gamed.length_differences}
        columns |= {"instruction_difficulty": gamed.difficulty, "index": [*range(n)] * 2}
        pd.DataFrame({"model": "gamed", "not_gamed_baseline": False, **columns}).to_csv(f"{folder}/gamed.csv", index=False)
        answers = {"output_1": ["x" * k for k in baseline], "output_2": ["x" * k for k in lengths]}
        names = {"generator_1": "base", "generator_2": "model", "annotator": "judge"}
        table = pd.DataFrame({"preference": preferences + 1, "index": range(n), **answers, **names})
        for variant, info in glm_winrate.GLM_INFO.items():
            for precision in ({}, {"tol": 1e-12, "max_iter": 200_000}):
                told = {**info, "kwargs": info["kwargs"] | precision}
                done = glm_winrate.get_length_controlled_winrate(
                    table.copy(), glm_name=variant, save_weights_dir=None, glm_info=told
                )
                rates = done["length_controlled_winrate"], done["lc_standard_error"]
                print(n, missing, variant, precision, *rates, kept["model"].coef_[0].tolist(), kept["model"].C_[0])


def style_control(checkout):
    import torch

    sys.path.insert(0, checkout)
    import show_result
    from utils import math_utils
    from utils.add_markdown_info import count_markdown_elements, remove_pattern

    code = test_style_control.style_features.__globals__["_CODE"]
    print(count_markdown_elements(remove_pattern(test_style_control.ANSWER, code), suffix=""))
    scores, models, styles, baseline = test_style_control.verdicts()
    battles = pd.DataFrame({"uid": range(len(models)), "model": models, "category": "c", "scores": scores})
    told = {"a": {}, "b": {}, "c": {}, "z": dict(enumerate(baseline))}
    for i, (model, style) in enumerate(zip(models, styles, strict=True)):
        told[model][i] = style
    show_result.JUDGE_SETTINGS["c"] = {"baseline": "z"}  # the last of the sorted names
    show_result.get_model_style_metadata = lambda _: told

    def captured(features, outcomes, loss_type):
        early, _ = math_utils.fit_pairwise_model(features, outcomes)
        print("published", torch.sigmoid(early[:3] - early[3]).tolist(), early[4:].tolist())
        free = np.delete(features.double().numpy(), 3, axis=1)  # the baseline's strength is 0
        best = sm.GLM(outcomes.numpy(), free, family=sm.families.Binomial()).fit(tol=1e-14).params
        print("to the end", (1 / (1 + np.exp(-best[:3]))).tolist(), best[3:].tolist())
        np.random.seed(0)  # the published code draws from it
        drawn, eta = math_utils.bootstrap_pairwise_model(features, outcomes, loss_type, num_round=1000)
        for name, one in zip("abc", torch.sigmoid(drawn[:, :3] - drawn[:, 3:4]).T, strict=True):
            print(name, torch.quantile(one, torch.tensor([0.05, 0.5, 0.95])).tolist(), one.std())
        return drawn, eta

    show_result.bootstrap_pairwise_model = captured
    show_result.print_leaderboard_with_style_features(battles, "bench", "c", ["length", "markdown"])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    length_control(sys.argv[1])
    style_control(sys.argv[2])
