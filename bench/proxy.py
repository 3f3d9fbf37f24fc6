#!/usr/bin/env python3
"""Bluegate beside nginx, HAProxy and Caddy: CPU, rate, latency, memory.

One node (nginx with the client's files), and in front of it, in turn, each
contender with one worker. Everything runs in one go on loopback, the contenders
take turns, and what counts is the ratio of the medians to nginx: this is a
comparison, not a record.

    bench/proxy.py [--quick] [--rounds N] [--requests N] [--output FILE]

Needs nginx, haproxy, caddy, h2load (nghttp2-client), openssl, npm and release
builds of bluegate and bluegate-load; `make bench-proxy` prepares all of it.
"""

import argparse
import contextlib
import pathlib
import resource
import shutil
import tempfile

from beside import load, report
from beside.files import BUNDLE, FIRST_REQUESTS, LARGE, ROOT, SMALL, certificates, client_files
from beside.servers import start_contender, start_node

CONTENDERS = ["nginx", "haproxy", "caddy", "bluegate"]

CASES = [
    # name, path, share of the requests, HTTP/1.1
    ("3 kB page relayed, HTTP/2", "index.html?sessionToken=x", 0.25, False),
    ("3 kB page relayed, HTTP/1.1", "index.html?sessionToken=x", 0.25, True),
    ("20 kB asset, HTTP/2", SMALL[0], 1, False),
    ("20 kB asset, HTTP/1.1", SMALL[0], 1, True),
    ("75 kB asset, HTTP/2", LARGE[0], 0.5, False),
    ("75 kB asset, HTTP/1.1", LARGE[0], 0.5, True),
    ("bundle, HTTP/2", BUNDLE, 0.05, False),
    ("bundle, HTTP/1.1", BUNDLE, 0.05, True),
]

# Open files of each process: 10,000 connections, and those to the node.
OPEN_FILES = 40_000


def raise_open_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(hard, OPEN_FILES), hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
    return soft


def take_turns(title, rounds, contenders, measure):
    """Results by contender, one for each round."""
    results = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            results[contender.name].append(measure(contender))
    if "cpu_us" in results["nginx"][0]:
        print(f"  {title}: " + ", ".join(
            f"{name} {report.spread(results, name)}" for name in results if name != "nginx"), flush=True)
    return results


def steady(options, folder, node, started):
    """Requests, new connections and memory of contenders that have what they need."""
    contenders = []
    for name in CONTENDERS:
        contenders.append(started.enter_context(running(start_contender(name, folder, node))))
    for _, path, _, http1 in CASES:
        for contender in contenders:
            # Caches are filled before anything counts.
            load.requests(contender, node, path, 64, http1)
    for contender in contenders:
        contender.wait_until_idle()
    cases, handshakes, memory = {}, {}, {}
    for name, path, share, http1 in CASES:
        count = max(64, int(options.requests * share))
        cases[name] = take_turns(
            name, options.rounds, contenders,
            lambda contender: load.requests(contender, node, path, count, http1))
    for name, resume in (("full", False), ("resumed", True)):
        handshakes[name] = take_turns(
            f"new connection, {name}", options.rounds, contenders,
            lambda contender: load.connections(contender, node, folder, options.requests // 16, resume))
    for contender in contenders:
        after = contender.resident_kilobytes()
        per_connection = [load.idle(contender, folder, options.idle, http2) for http2 in (False, True)]
        memory[contender.name] = after, *per_connection
        print(f"  memory: {contender.name} {after / 1024:.0f} MB, idle connections "
              + ", ".join(f"{kilobytes:.1f} kB" for kilobytes in per_connection), flush=True)
    return {"cases": cases, "handshakes": handshakes, "memory": memory}


def storms(options, folder, node):
    """Each contender anew, with nothing cached, and all browsers at once."""
    results = {name: [] for name in CONTENDERS}
    for _ in range(max(1, options.rounds // 3)):
        for name in CONTENDERS:
            with running(start_contender(name, folder, node, warm=False)) as contender:
                result = load.storm(contender, node, folder, options.browsers, FIRST_REQUESTS)
            results[name].append(result)
            error = f", first: {result['error']}" if result["error"] else ""
            print(f"  storm: {name} {result['seconds']:.1f} s, {result['node_requests']} requests at the node, "
                  f"{result['errors']} errors{error}", flush=True)
    return results


@contextlib.contextmanager
def running(server):
    try:
        yield server
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two minutes, rougher; writes nothing")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--browsers", type=int)
    parser.add_argument("--idle", type=int)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    defaults = (3, 8_000, 300, 2_000) if options.quick else (5, 20_000, 2_000, 10_000)
    for name, default in zip(("rounds", "requests", "browsers", "idle"), defaults):
        setattr(options, name, getattr(options, name) or default)
    options.idle = min(options.idle, raise_open_files() * 3 // 4)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bluegate-bench-"))
    try:
        certificates(folder)
        bundle = client_files(folder / "files")
        with contextlib.ExitStack() as started:
            node = started.enter_context(running(start_node(folder)))
            with contextlib.ExitStack() as contenders:
                results = steady(options, folder, node, contenders)
            results["storms"] = storms(options, folder, node)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    about = {"rounds": options.rounds, "requests": options.requests, "bundle": bundle,
             "browsers": options.browsers, "first": len(FIRST_REQUESTS), "idle": options.idle}
    text = report.page(results, CONTENDERS, about)
    output = options.output or (None if options.quick else ROOT / "bench/results/proxy.md")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
