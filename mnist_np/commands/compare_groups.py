"""`compare --by KEY`: runs in groups, each with mean, spread and interval, and whether it differs significantly from the best."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from rich.table import Table

from mnist_np.commands.compared import Compared, differing
from mnist_np.fitted_table import Column, fitted_table
from mnist_np.sweep.plan import WITHOUT_EFFECT
from mnist_np.sweep.report import Spread
from mnist_np.sweep.tables import OPTIONAL, bounds, shown, spread
from mnist_np.sweep.values import ABSENT
from mnist_np.sweep.verdict import Verdict
from mnist_np.terminal import counted, printable


class Groups:
    """The finished runs that have the metric, in groups of the same values of ``keys``, the best mean first.

    Runs that differ in nothing that has an effect on the metric are one run, made or recorded several times: the newest counts.
    """

    def __init__(self, runs: Sequence[Compared], keys: Sequence[str], metric: str, maximize: bool) -> None:
        self.keys, self.metric, self.sign = keys, metric, 1 if maximize else -1
        finished = [run for run in runs if run.status == "finished"]
        valued = [run for run in finished if metric in run.metrics]
        found = self.grouped(valued, self.pairing(valued))
        by_seed = self.grouped(valued, ["seed"])
        pairs = [pair for values in found.values() for pair in values]
        if len(set(pairs)) == len(pairs) == sum(map(len, by_seed.values())):
            found = by_seed  # the groups differ in more than their keys, such as each optimizer's own learning rate
        self.left_out = {
            "not finished": len(runs) - len(finished),
            f"without {metric}": len(finished) - len(valued),
            "repeating another": len(valued) - len(pairs),
        }
        spreads = {group: made for group, values in found.items() if (made := Spread.of(values.values()))}
        self.spreads = dict(sorted(spreads.items(), key=lambda item: -self.sign * item[1].mean))
        self.verdict = Verdict.of(metric, [found[group] for group in self.spreads], self.sign)

    def pairing(self, runs: Sequence[Compared]) -> list[str]:
        """The params that tell the runs of a group from each other: what all runs have, and what varies within a group."""
        ignored = () if self.metric.startswith("time/") else WITHOUT_EFFECT
        others = [key for key in differing(list(runs)) if key not in self.keys and not f"{key}=".startswith(ignored)]
        groups: dict[tuple[str, ...], list[Compared]] = {}
        for run in runs:
            groups.setdefault(self.group_of(run), []).append(run)
        return [
            key
            for key in others
            if all(key in run.params for run in runs)
            or any(len({run.params.get(key) for run in group}) > 1 for group in groups.values())
        ]

    def group_of(self, run: Compared) -> tuple[str, ...]:
        """The values by which a run is grouped."""
        return tuple(run.params.get(key, ABSENT) for key in self.keys)

    def grouped(self, runs: Sequence[Compared], pairing: Sequence[str]) -> dict[tuple[str, ...], dict[str, float]]:
        """The metric of each group's runs, by the values of the params that pair them with those of other groups."""
        found: dict[tuple[str, ...], dict[str, float]] = {}
        by_age = sorted(runs, key=lambda run: (run.began, str(run.folder)))
        for run in by_age:  # of repeated runs the newest comes last, and stays
            values = found.setdefault(self.group_of(run), {})
            values[json.dumps([run.params.get(key, "") for key in pairing])] = run.metrics[self.metric]
        return found

    def table(self, limit: int | None, width: int) -> Table:
        """The groups for a terminal of ``width`` characters."""
        names = ["#", *self.keys, "n", f"{self.metric} mean ± sd", "95 % interval", "best", "p (Holm)"]
        rows = []
        for rank, (group, values) in enumerate(list(self.spreads.items())[:limit], start=1):
            p = self.verdict.comparisons[rank - 2].p_holm if rank > 1 else None
            best = shown(values.high if self.sign > 0 else values.low)
            cells = [spread(values), bounds(values, self.metric), best, "" if p is None else f"{p:.2g}"]
            rows.append([f"{rank}{self.verdict.mark(rank)}", *map(printable, group), str(values.n), *cells])
        columns = [
            Column(name, [row[i] for row in rows], is_words=name in self.keys, optional=OPTIONAL.get(name, 0))
            for i, name in enumerate(names)
        ]
        hidden = len(self.spreads) - len(rows)
        lines = [f"and {counted(hidden, 'more group')}"] if hidden else []
        lines += [f"left out: {counted(n, 'run')} {why}" for why, n in self.left_out.items() if n]
        return fitted_table(columns, width, caption="\n".join(lines))

    def csv(self, limit: int | None = None) -> str:
        """The groups for a program: numbers in full, and as many pairs of runs as each was compared by."""
        text = io.StringIO()
        names = ["n", "mean", "sd", "low95", "high95", "behind_best", "pairs", "p", "p_holm", "p_wilcoxon"]
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*self.keys, *names])
        for rank, (group, values) in enumerate(list(self.spreads.items())[:limit], start=1):
            low, high = values.interval or (None, None)
            against = self.verdict.comparisons[rank - 2] if rank > 1 else None
            tested: list[object] = [None] * 5
            if against:
                tested = [against.difference, against.n if against.paired else 0, against.p, against.p_holm, against.p_wilcoxon]
            writer.writerow([*group, values.n, values.mean, values.sd, low, high, *tested])
        return text.getvalue()
