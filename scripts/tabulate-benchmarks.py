"""Prints what frame-omni-bencher measured for two counts of operators, as `scripts/benchmark --operators` runs it.

Usage: tabulate-benchmarks.py RESULTS.json…
"""

import json
import statistics
import sys


def runs(results):
    """The runs by the count of operators."""
    by_count = {}
    for run in results:
        by_count.setdefault(run["components"][0][1], []).append(run)
    return sorted(by_count.items())


def main(paths):
    print(f"{'':24} {'operators':>10} {'reads':>6} {'writes':>7} {'median':>10} {'fastest':>10} {'ratio':>6}")
    for path in paths:
        with open(path, encoding="utf-8") as file:
            batches = json.load(file)
        for batch in batches:
            first = None
            database = dict(runs(batch["db_results"]))
            for operators, measured in runs(batch["time_results"]):
                times = [run["extrinsic_time"] / 1000 for run in measured]
                median = statistics.median(times)
                first = first or median
                reads, writes = database[operators][0]["reads"], database[operators][0]["writes"]
                name = batch["benchmark"]
                print(
                    f"{name:24} {operators:>10,} {reads:>6} {writes:>7} {median:>7.1f} us {min(times):>7.1f} us"
                    f" {median / first:>6.2f}"
                )


if __name__ == "__main__":
    main(sys.argv[1:])
