"""The loads: h2load's and those of bench/load."""

import json
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.request

from beside.files import MOUNT, ROOT, SMALL, run

# Connections with requests under way.
CLIENTS = 16

LOAD = ROOT / "target/release/bluegate-load"


def target(path):
    return f"/{MOUNT}/html5client/{path}"


def node_requests(node, folder):
    """Requests the node has answered."""
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    with urllib.request.urlopen(f"https://127.0.0.1:{node.port}/status", context=context) as answer:
        return int(answer.read().split(b"requests")[1].split()[2])


class Spent:
    """CPU of a server and of the node while something runs."""

    def __init__(self, server, node):
        self.server, self.node = server, node

    def __enter__(self):
        self.before = self.server.cpu_seconds(), self.node.cpu_seconds()
        return self

    def __exit__(self, *_):
        self.cpu = self.server.cpu_seconds() - self.before[0]
        self.node_cpu = self.node.cpu_seconds() - self.before[1]


def requests(server, node, path, count, http1):
    """One h2load run."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["h2load", "-n", str(count), "-c", str(CLIENTS), "-m", "1" if http1 else "8",
                   "-H", "accept-encoding: gzip", f"--connect-to=127.0.0.1:{server.port}",
                   f"--log-file={log.name}"] + (["--h1"] if http1 else [])
        with Spent(server, node) as spent:
            answer = run(*command, f"https://{server.authority}{target(path)}").stdout
        times = sorted(int(line.split()[2]) for line in log)
    if f"{count} succeeded" not in answer or f"{count} 2xx" not in answer:
        sys.exit(f"bench: {server.name} failed at {path}\n{answer}")
    return {
        "cpu_us": 1e6 * spent.cpu / count,
        "node_us": 1e6 * spent.node_cpu / count,
        "rate": float(re.search(r"finished in [^,]+, ([\d.]+) req/s", answer).group(1)),
        "p50_ms": times[len(times) // 2] / 1000,
        "p99_ms": times[len(times) * 99 // 100] / 1000,
    }


def load_command(kind, server, folder, connections, paths, *options):
    command = [LOAD, kind, "--address", f"127.0.0.1:{server.port}", "--authority", server.authority,
               "--ca", folder / "ca.pem", "--connections", str(connections), *options]
    for path in paths:
        command += ["--path", target(path)]
    return command


def connections(server, node, folder, count, resume):
    """New connections, one request for a small cached file each."""
    paths = [SMALL[0]]
    command = load_command("connect", server, folder, count, paths, *(["--resume"] if resume else []))
    with Spent(server, node) as spent:
        result = json.loads(run(*command).stdout)
    if result["failed"]:
        sys.exit(f"bench: {server.name} failed on new connections: {result['error']}")
    return {
        "cpu_us": 1e6 * spent.cpu / count,
        "rate": count / result["seconds"],
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
    }


def storm(server, node, folder, browsers, paths):
    """Browsers that all come at once to a server that knows nothing yet."""
    before = node_requests(node, folder)
    with Spent(server, node) as spent:
        result = json.loads(run(*load_command("storm", server, folder, browsers, paths)).stdout)
    result["cpu_seconds"], result["node_seconds"] = spent.cpu, spent.node_cpu
    result["node_requests"] = node_requests(node, folder) - before - 1
    return result


def idle(server, folder, count, http2):
    """Kilobytes per connection that was used once and stays."""
    command = load_command("idle", server, folder, count, ["index.html"], *(["--http2"] if http2 else []))
    before = server.resident_kilobytes()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    opened = process.stdout.readline()
    during = server.resident_kilobytes()
    process.communicate("")
    if not opened:
        sys.exit(f"bench: {server.name} does not hold {count} connections")
    return (during - before) / count
