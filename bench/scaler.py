#!/usr/bin/env python3
"""The scaler: joins, creates, lists, metrics, memory; goals and whether they are reached.

`bluegate serve` with a scaler on one core, doubles of nodes and the load on the
other. Where it makes sense nginx answers a file of the same size in the same
way, in turn. CPU per request is what counts: a machine that does other things
besides spoils times, CPU hardly.

    bench/scaler.py [--quick] [--rounds N] [--only STEP] [--output FILE]

Needs nginx, PostgreSQL, openssl and release builds of bluegate and bluegate-load;
`make bench-scaler` prepares all of it. Takes some nine minutes.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

from beside import scaler_replicas, scaler_report, scaler_steps
from beside.files import ROOT, certificates

# Open files of each process: a crowd of connections, and those to the nodes.
OPEN_FILES = 40_000

STEPS = {
    "kept": lambda options, folder: scaler_steps.joins_kept(options, folder, folder),
    "new": lambda options, folder: scaler_steps.joins_new(options, folder, folder),
    "creates": scaler_steps.creates,
    "placing": scaler_replicas.placing,
    "lists": scaler_steps.lists,
    "viewers": scaler_steps.viewers,
    "many": scaler_steps.many,
}

# Of a step: roughly, and in --quick.
SIZES = {
    "rounds": (3, 2),
    "joins": (100_000, 30_000),
    "seconds": (4, 3),
    "connections": (6_000, 2_000),
    "crowd": (4_000, 4_000),
    "creates": (2_000, 1_000),
    "meetings": (100_000, 20_000),
    "scrapes": (100, 50),
}
RATES = ((1_000, 5_000, 10_000, 20_000), (1_000, 10_000))


def attempt(step, options, folder):
    """The figures of a step or, when it fails, why: the others are still measured."""
    try:
        return step(options, folder)
    except (SystemExit, subprocess.TimeoutExpired, OSError) as error:
        print(f"  failed: {error}", flush=True)
        return str(error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two minutes, rougher; writes nothing")
    parser.add_argument("--only", choices=STEPS, help="one step; prints its figures, writes nothing")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    for name, sizes in SIZES.items():
        setattr(options, name, getattr(options, name, None) or sizes[options.quick])
    options.rates = RATES[options.quick]
    scaler_steps.raise_open_files(OPEN_FILES)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bluegate-bench-"))
    try:
        certificates(folder)
        results = {}
        for name, step in STEPS.items():
            if options.only in (None, name):
                print(f"{name}:", flush=True)
                results[name] = attempt(step, options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    failed = any(isinstance(result, str) for result in results.values())
    if options.only:
        sys.exit(failed)
    about = {name: getattr(options, name) for name in SIZES} | {"static_bytes": scaler_steps.STATIC_BYTES}
    text = scaler_report.page(results, about)
    output = options.output or (None if options.quick else ROOT / "bench/results/scaler.md")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text)
    print(text)
    sys.exit(failed)


if __name__ == "__main__":
    main()
