"""Print the numbers that the tests of the statistics hold: `python references.py` with scipy and statsmodels.

CI does not run this file. Nor does it install its libraries. The numbers in the tests were made by scipy 1.17.1 and
statsmodels 0.15.0. The data are written in the tests, which this file imports.
"""

# ruff: noqa: T201
import numpy as np
import scipy.stats
import statsmodels.api as sm
import test_differences
import test_means
import test_significance
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint


def shares():
    for successes, n in ((0, 10), (7, 20), (812, 1319), (500, 500)):
        print("wilson", successes, n, proportion_confint(successes, n, method="wilson"))
    for n, c, k in ((10, 3, 5), (200, 17, 100), (8, 8, 1)):
        print("pass@k", n, c, k, 1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)) if n - c >= k else 1.0)


def means():
    values, clusters = np.array(test_means.SCORES), np.array(test_means.SOURCES)
    model = sm.OLS(values, np.ones(len(values)))
    for corrected in (True, False):
        fitted = model.fit(cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": corrected})
        print("clustered", corrected, fitted.bse, fitted.conf_int())
    print("plain", model.fit().bse, values.std(ddof=1) / len(values) ** 0.5)


def differences():
    a, b = np.array(test_differences.BEFORE), np.array(test_differences.AFTER)
    same = scipy.stats.bootstrap(
        (b - a,), np.mean, n_resamples=1_000_000, batch=10_000, method="percentile", rng=np.random.default_rng(1)
    )
    print("bootstrap of items", same.confidence_interval)
    groups = [(b - a)[np.array(test_differences.SOURCES) == one] for one in sorted(set(test_differences.SOURCES))]
    rng = np.random.default_rng(2)
    drawn = [np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]).mean() for _ in range(200_000)]
    print("bootstrap of clusters", np.percentile(drawn, (2.5, 97.5)))


def significance():
    for name, values in (("few", test_significance.FEW), ("many", test_significance.MANY)):
        done = scipy.stats.permutation_test(
            (values,), np.sum, permutation_type="samples", n_resamples=10**6, batch=10**4, rng=np.random.default_rng(1)
        )
        print("permutation", name, done.pvalue)
    for lost, won in ((5, 17), (100, 151), (3, 3)):
        print("mcnemar", lost, won, mcnemar([[40, won], [lost, 30]], exact=True).pvalue)
    print("holm", multipletests(test_significance.P_VALUES, method="holm")[1].tolist())


def power():
    d = np.array(test_differences.AFTER) - np.array(test_differences.BEFORE)
    z = scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.8)
    print("items needed", d.var(ddof=1) * z**2 / d.mean() ** 2)


if __name__ == "__main__":
    np.set_printoptions(precision=17)
    for part in (shares, means, differences, significance, power):
        part()
