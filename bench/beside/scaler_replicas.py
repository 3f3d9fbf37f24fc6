"""Placing: what a create costs beside many open meetings, and three scalers on one PostgreSQL."""

import concurrent.futures
import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

from beside.cluster import Doubles, Scaler, create
from beside.scaler_steps import CLIENTS, NODES, fill, run_load, running, say

REPLICAS = 3
# Creates within a second, at all of them together.
BURST = 201
# Open meetings beside which creates are measured.
CROWDS = (0, 1_000, 5_000)
# Creates measured beside each.
CREATES = 500
# Seconds PostgreSQL may take to start.
PATIENCE = 60


@contextlib.contextmanager
def postgres():
    """A PostgreSQL server with one empty database, gone afterwards: its URL. Its commits wait for no disk, as in
    the tests: the scalers are measured."""
    programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]), default=None)
    if programs is None:
        sys.exit("bench: PostgreSQL is not installed (scripts/setup.sh bench-scaler)")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bluegate-bench-postgres-"))
    # It refuses to run as root.
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)

    def run(program, *arguments):
        command = [programs / program, *arguments]
        return subprocess.run(command, check=False, cwd=folder, capture_output=True, **who).returncode == 0
    try:
        if not run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C",
                   "--pgdata", folder / "data"):
            sys.exit("bench: PostgreSQL makes no cluster of databases")
        settings = ["listen_addresses=", "fsync=off", "max_connections=60"]
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder,
             *(part for setting in settings for part in ("-c", setting))],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)
        try:
            deadline = time.monotonic() + PATIENCE
            while not run("pg_isready", "-h", folder):
                if time.monotonic() > deadline:
                    sys.exit("bench: PostgreSQL does not start")
                time.sleep(0.1)
            run("createdb", "-h", folder, "-U", "postgres", "bench")
            yield f"postgres://postgres@{urllib.parse.quote(str(folder), safe='')}/bench"
        finally:
            server.terminate()
            server.wait(PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def replicas(folder, store):
    """Scalers on one store over the same doubles, gone afterwards."""
    with contextlib.ExitStack() as stack:
        doubles = Doubles(folder, NODES)
        stack.callback(doubles.stop)
        scalers = []
        for number in range(REPLICAS):
            scaler = Scaler(folder, doubles, name=f"scaler-{number}", store=store)
            stack.callback(scaler.stop)
            scalers.append(scaler)
        yield doubles, scalers


def race(scalers, doubles, names, kind, *options):
    """The same load at each scaler at once, each with names of its own, and how it was placed."""
    for scaler in scalers:
        scaler.rest(2)
    with concurrent.futures.ThreadPoolExecutor(len(scalers)) as threads:
        began = time.monotonic()
        runs = [threads.submit(run_load, scaler, kind, [create(name) for name in names[turn::len(scalers)]], *options)
                for turn, scaler in enumerate(scalers)]
        results = [run.result() for run in runs]
        took = time.monotonic() - began
    answered = sum(result["answered"] for result in results)
    placed = doubles.counts()["meetings"].values()
    return {"rate": answered / took, "seconds": max(result["seconds"] for result in results),
            "p99_ms": max(result["p99_ms"] for result in results),
            "cpu_us": 1e6 * sum(result["cpu_seconds"] for result in results) / answered,
            "spread": max(placed) - (min(placed) if len(placed) == NODES else 0)}


def placing(options, folder):
    """Creates beside none, 1,000 and 5,000 open meetings; and at three scalers on one PostgreSQL at once."""
    crowds = {}
    with running(folder, NODES) as scaler:
        there = 0
        for crowd in CROWDS:
            if crowd > there:
                fill(scaler, crowd - there, there)
                there = crowd
            scaler.rest(4)
            crowds[crowd] = run_load(scaler, "kept", [create(f"beside-{crowd}-{n}") for n in range(CREATES)],
                                     "--connections", CLIENTS, "--requests", CREATES)
            there += CREATES
            say(f"creates beside {crowd}: {crowds[crowd]['cpu_us']:.0f} us, {crowds[crowd]['rate']:.0f}/s")
    races, bursts = [], []
    for _ in range(options.rounds):
        with postgres() as store, replicas(folder, store) as (doubles, scalers):
            bursts.append(race(scalers, doubles, [f"burst-{number}" for number in range(BURST)], "rate",
                               "--rate", BURST // REPLICAS, "--seconds", 1))
        with postgres() as store, replicas(folder, store) as (doubles, scalers):
            each = options.creates // REPLICAS
            races.append(race(scalers, doubles, [f"race-{number}" for number in range(each * REPLICAS)], "kept",
                              "--connections", CLIENTS, "--requests", each))
        say(f"{REPLICAS} scalers: {races[-1]['rate']:.0f} creates/s, max - min {races[-1]['spread']}; "
            f"{BURST} in 1 s: max - min {bursts[-1]['spread']}")
    return {"crowds": crowds, "races": races, "bursts": bursts}
