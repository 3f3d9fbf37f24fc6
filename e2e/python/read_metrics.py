"""Reads Prometheus' text format from standard input with Prometheus' own reader.

Fails when that reader does not take it, when a family has no help, or when a
histogram does not add up. Prints the name and kind of every family.
"""

import sys

from prometheus_client.parser import text_string_to_metric_families

for family in text_string_to_metric_families(sys.stdin.read()):
    name = family.name + ("_total" if family.type == "counter" else "")
    assert family.type in ("counter", "gauge", "histogram"), (name, family.type)
    assert family.documentation, name
    seen = set()
    buckets = {}
    for sample in family.samples:
        labels = tuple(sorted(sample.labels.items()))
        assert (sample.name, labels) not in seen, sample
        seen.add((sample.name, labels))
        assert family.type != "counter" or sample.value >= 0, sample
        if sample.name.endswith("_bucket"):
            rest = tuple(pair for pair in labels if pair[0] != "le")
            buckets.setdefault(rest, []).append((float(sample.labels["le"]), sample.value))
    for rest, counts in buckets.items():
        assert counts == sorted(counts) and counts[-1][0] == float("inf"), (name, counts)
        values = [value for _, value in counts]
        assert values == sorted(values), (name, values)
        total = next(s.value for s in family.samples
                     if s.name == name + "_count" and tuple(sorted(s.labels.items())) == rest)
        assert total == values[-1], (name, total, values)
    print(name, family.type)
