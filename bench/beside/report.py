"""The results as a page."""

import pathlib
from statistics import median

# What was found out by profiling, which a run cannot tell.
NOTES = pathlib.Path(__file__).parent / "notes.md"


def middle(results, figure):
    return median(result[figure] for result in results)


def ratios(results, name, figure):
    """A figure as a multiple of nginx's in the same round."""
    return [ours[figure] / theirs[figure] for ours, theirs in zip(results[name], results["nginx"])]


def spread(results, name, figure="cpu_us"):
    values = ratios(results, name, figure)
    return f"**{median(values):.2f}** ({min(values):.2f} to {max(values):.2f})"


def cases_table(cases, names):
    lines = ["| request | server | CPU us | to nginx (min to max) | node CPU us | requests/s | p50 ms | p99 ms |",
             "| --- | --- | --: | --: | --: | --: | --: | --: |"]
    for case, results in cases.items():
        for name in names:
            mine = results[name]
            lines.append(
                f"| {case} | {name} | {middle(mine, 'cpu_us'):.1f} | {spread(results, name)} "
                f"| {middle(mine, 'node_us'):.1f} | {middle(mine, 'rate'):.0f} "
                f"| {middle(mine, 'p50_ms'):.2f} | {middle(mine, 'p99_ms'):.2f} |")
    return lines


def connections_table(handshakes, names):
    lines = ["| handshake | server | CPU us | to nginx (min to max) | connections/s | p50 ms | p99 ms |",
             "| --- | --- | --: | --: | --: | --: | --: |"]
    for case, results in handshakes.items():
        for name in names:
            mine = results[name]
            lines.append(
                f"| {case} | {name} | {middle(mine, 'cpu_us'):.0f} | {spread(results, name)} "
                f"| {middle(mine, 'rate'):.0f} | {middle(mine, 'p50_ms'):.1f} | {middle(mine, 'p99_ms'):.1f} |")
    return lines


def storm_table(storms, names):
    lines = ["| server | all served after s | errors | p50 s | CPU s | node requests | node CPU s |",
             "| --- | --: | --: | --: | --: | --: | --: |"]
    for name in names:
        mine = storms[name]
        lines.append(
            f"| {name} | {middle(mine, 'seconds'):.1f} | {middle(mine, 'errors'):.0f} "
            f"| {middle(mine, 'p50_ms') / 1000:.1f} | {middle(mine, 'cpu_seconds'):.1f} "
            f"| {middle(mine, 'node_requests'):.0f} | {middle(mine, 'node_seconds'):.2f} |")
    return lines


def memory_table(memory, names):
    lines = ["| server | MB after the requests | kB per idle connection, HTTP/1.1 | HTTP/2 |",
             "| --- | --: | --: | --: |"]
    for name in names:
        after, http1, http2 = memory[name]
        lines.append(f"| {name} | {after / 1024:.0f} | {http1:.1f} | {http2:.1f} |")
    return lines


def page(results, names, about):
    return "\n".join([
        "# Proxy benchmark",
        "",
        f"`make bench-proxy`: {about['rounds']} rounds of {about['requests']} requests (fewer for large files) in",
        "turn, medians; one worker each, TLS to the browser and to the node, loopback, two cores. nginx is set up",
        "as the BigBlueButton documentation says, with its cache; HAProxy with its cache; Caddy, which has none,",
        f"relays. The bundle has {about['bundle'] // 1000} kB compressed. What counts is the ratio to nginx in the",
        "same round: below 1 is less work. Written by the run; figures of another machine differ.",
        "",
        "## Requests",
        "",
        *cases_table(results["cases"], names),
        "",
        "## New connections, one 20 kB answer each, HTTP/1.1",
        "",
        *connections_table(results["handshakes"], names),
        "",
        f"## {about['browsers']} browsers at once, {about['first']} requests each, nothing cached, HTTP/2",
        "",
        *storm_table(results["storms"], names),
        "",
        f"## Memory, {about['idle']} idle connections",
        "",
        *memory_table(results["memory"], names),
        "",
        NOTES.read_text(),
    ])
