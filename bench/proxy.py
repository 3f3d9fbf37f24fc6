#!/usr/bin/env python3
"""Bluegate beside nginx: CPU per request, requests per second, latency, memory.

One node (nginx with the client's files), and in front of it, in turn, nginx set
up as the BigBlueButton documentation says and Bluegate, each with one worker.
Everything runs in one go on loopback, the contenders take turns, and what counts
is the ratio of the medians: this is a comparison, not a record.

    bench/proxy.py [--rounds N] [--requests N] [--output FILE]

Needs nginx, h2load (nghttp2-client), openssl, npm and a release build of
bluegate; `make bench-proxy` prepares all of it.
"""

import argparse
import gzip
import os
import pathlib
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOUNT = "bbb-01"
CLUSTER = "bbb.bench.localhost"
NODE = "bbb-01.bench.localhost"
TICKS = os.sysconf("SC_CLK_TCK")


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port, process):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"bench: `{process.args[0]}` ended at once")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"bench: nothing listens on port {port}")


def certificates(folder):
    """A CA and one leaf for all names."""
    names = f"subjectAltName=DNS:{CLUSTER},DNS:{NODE},IP:127.0.0.1"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", "/CN=bench CA", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", f"/CN={CLUSTER}", "-keyout", folder / "leaf.key", "-out", folder / "leaf.csr")
    (folder / "leaf.ext").write_text(names + "\n")
    run("openssl", "x509", "-req", "-in", folder / "leaf.csr", "-CA", folder / "ca.pem", "-CAkey",
        folder / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", folder / "leaf.ext",
        "-out", folder / "leaf.pem")


def client_files(folder):
    """A client's files: a page, assets of 20 and 75 kB, a bundle from published packages."""
    packages = ROOT / "target/bench/npm"
    library = packages / "node_modules/typescript/lib/typescript.js"
    if not library.exists():
        packages.mkdir(parents=True, exist_ok=True)
        run("npm", "install", "--prefix", packages, "--no-audit", "--no-fund", "typescript@5.6.3")
    source = library.read_bytes()
    folder.mkdir(parents=True)
    page = b"<!doctype html><title>BigBlueButton</title>" + source[1000:3900].replace(b"<", b" ")
    generator = random.Random(1)
    files = {
        "index.html": page,
        "20k.0123456789abcdef0123.woff2": generator.randbytes(20_000),
        "75k.0123456789abcdef0123.woff2": generator.randbytes(75_000),
        "bundle.0123456789abcdef0123.js": source[:5_400_000],
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    bundle = gzip.compress(files["bundle.0123456789abcdef0123.js"], 9)
    (folder / "bundle.0123456789abcdef0123.js.gz").write_bytes(bundle)
    return len(bundle)


NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    types {{ text/html html; application/javascript js; font/woff2 woff2; }}
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {certificates}/leaf.pem;
    ssl_certificate_key {certificates}/leaf.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:SSL:10m;
    {http}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        server_name {name};
        {server}
    }}
}}
"""

# The documentation's proxy: a location per node with upgrade headers, a connection
# to the node per request; and its section on caching. HTTP/1.1 and one coding are
# added there, without which nginx would fetch and keep the files uncompressed.
DOCUMENTED_HTTP = "proxy_cache_path {folder}/cache levels=1:2 keys_zone=client:10m max_size=1g inactive=60m use_temp_path=off;"
DOCUMENTED = """
        location ~* ^/{mount}/html5client/.*\\.(js|css|woff2?|png|svg)$ {{
            proxy_pass https://127.0.0.1:{node_port};
            proxy_ssl_server_name on;
            proxy_ssl_name {node};
            proxy_set_header Host {node};
            proxy_http_version 1.1;
            proxy_set_header Accept-Encoding gzip;
            proxy_cache client;
            proxy_cache_key $uri;
            proxy_cache_min_uses 3;
            proxy_cache_valid 200 302 60m;
            proxy_cache_use_stale error timeout updating;
            proxy_cache_lock on;
            proxy_cache_revalidate on;
            proxy_cache_background_update on;
        }}
        location /{mount}/html5client/ {{
            proxy_pass https://127.0.0.1:{node_port};
            proxy_ssl_server_name on;
            proxy_ssl_name {node};
            proxy_set_header Host {node};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "Upgrade";
        }}
"""


def start_nginx(folder, certificate_folder, name, http, server):
    folder.mkdir()
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(user=user, folder=folder, certificates=certificate_folder, http=http,
                        port=port, name=name, server=server)
    (folder / "nginx.conf").write_text(text)
    process = subprocess.Popen(["nginx", "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"])
    listening(port, process)
    return process, port


def start_bluegate(folder, certificate_folder, node_port):
    folder.mkdir()
    port = free_port()
    (folder / "bluegate.toml").write_text(f"""
[cluster]
origin = "https://{CLUSTER}:{port}"
node_ca = "{certificate_folder}/ca.pem"
[[node]]
name = "{MOUNT}"
origin = "https://{NODE}:{node_port}"
address = "127.0.0.1:{node_port}"
bbb = "3.0"
[proxy]
listen = "127.0.0.1:{port}"
tls = {{ cert = "{certificate_folder}/leaf.pem", key = "{certificate_folder}/leaf.key" }}
""")
    environment = dict(os.environ, TOKIO_WORKER_THREADS="1")
    binary = ROOT / "target/release/bluegate"
    process = subprocess.Popen([binary, "serve", "-c", folder / "bluegate.toml"], env=environment)
    listening(port, process)
    return process, port


def family(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [int(child) for child in children]


def cpu_seconds(pid):
    total = 0
    for member in family(pid):
        fields = pathlib.Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def wait_until_idle(pid):
    """Work behind the answers (compressing, warming) must not count as theirs."""
    deadline = time.monotonic() + 180
    spent = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(8)
        now = cpu_seconds(pid)
        if now - spent < 0.05:
            return
        spent = now
    sys.exit(f"bench: process {pid} does not come to rest")


def memory_megabytes(pid):
    total = 0
    for member in family(pid):
        status = pathlib.Path(f"/proc/{member}/status").read_text()
        total += int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
    return total / 1024


class Contender:
    def __init__(self, name, process, port, authority):
        self.name, self.process, self.port, self.authority = name, process, port, authority


def load(contender, path, requests, http1, new_connections):
    """One h2load run: CPU per request at the proxy, requests per second, latency."""
    clients = 32
    command = ["h2load", "-n", str(requests), "-c", str(clients), "-m", "1" if http1 else "8",
               "-H", "accept-encoding: gzip", f"--connect-to=127.0.0.1:{contender.port}"]
    if http1:
        command.append("--h1")
    if new_connections:
        command[command.index("-c") + 1] = str(requests)
    before = cpu_seconds(contender.process.pid)
    answer = run(*command, f"https://{contender.authority}{path}").stdout
    spent = cpu_seconds(contender.process.pid) - before
    succeeded = int(re.search(r"(\d+) succeeded", answer).group(1))
    if succeeded != requests or f"{requests} 2xx" not in answer:
        sys.exit(f"bench: {contender.name} failed at {path}\n{answer}")
    rate = float(re.search(r"finished in [^,]+, ([\d.]+) req/s", answer).group(1))
    mean = re.search(r"time for request:\s+\S+\s+\S+\s+(\S+)", answer).group(1)
    return {"cpu_ms": 1000 * spent / requests, "rate": rate, "mean": mean}


CASES = [
    # name, path, share of the requests, HTTP/1.1, new connections
    ("index.html relayed, HTTP/2", "index.html?sessionToken=x", 0.5, False, False),
    ("index.html relayed, HTTP/1.1", "index.html?sessionToken=x", 0.5, True, False),
    ("20 kB asset, HTTP/2", "20k.0123456789abcdef0123.woff2", 1, False, False),
    ("20 kB asset, HTTP/1.1", "20k.0123456789abcdef0123.woff2", 1, True, False),
    ("75 kB asset, HTTP/2", "75k.0123456789abcdef0123.woff2", 0.5, False, False),
    ("bundle, HTTP/2", "bundle.0123456789abcdef0123.js", 0.05, False, False),
    ("bundle, HTTP/1.1", "bundle.0123456789abcdef0123.js", 0.05, True, False),
    ("new connection, 20 kB asset, HTTP/1.1", "20k.0123456789abcdef0123.woff2", 0.1, True, True),
]


def measure(contenders, node, rounds, requests):
    rows = []
    for _, path, *_ in CASES:
        for contender in contenders:
            # Caches are filled before anything counts.
            load(contender, f"/{MOUNT}/html5client/{path}", 64, True, False)
    for contender in contenders:
        wait_until_idle(contender.process.pid)
    for name, path, share, http1, new_connections in CASES:
        count = max(64, int(requests * share))
        target = f"/{MOUNT}/html5client/{path}"
        results = {contender.name: [] for contender in contenders}
        for _ in range(rounds):
            for contender in contenders:
                node_before = cpu_seconds(node.pid)
                result = load(contender, target, count, http1, new_connections)
                result["node_ms"] = 1000 * (cpu_seconds(node.pid) - node_before) / count
                results[contender.name].append(result)
        row = {"case": name}
        for contender, measured in results.items():
            for figure in ("cpu_ms", "node_ms", "rate"):
                row[contender, figure] = statistics.median(m[figure] for m in measured)
        row["ratios"] = [
            b["cpu_ms"] / a["cpu_ms"] if a["cpu_ms"] else float("nan")
            for a, b in zip(results["nginx"], results["bluegate"])
        ]
        rows.append(row)
        print(f"  {name}: bluegate/nginx {statistics.median(row['ratios']):.2f}", flush=True)
    return rows


def report(rows, contenders, rounds, requests, bundle):
    lines = [
        "# Proxy benchmark",
        "",
        f"`make bench-proxy`: {rounds} rounds of {requests} requests (fewer for large files), medians; one",
        "worker each, TLS to the browser and to the node, loopback, two cores. nginx is set up as the",
        f"BigBlueButton documentation says, with its cache. The bundle has {bundle // 1000} kB compressed.",
        "Ratios are CPU per request of Bluegate to nginx in the same round; below 1 is less work.",
        "",
        "| request | nginx CPU ms | bluegate CPU ms | ratio (min to max) | node CPU ms, nginx | node CPU ms, bluegate | nginx req/s | bluegate req/s |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for row in rows:
        ratios = row["ratios"]
        lines.append(
            f"| {row['case']} | {row['nginx', 'cpu_ms']:.3f} | {row['bluegate', 'cpu_ms']:.3f} "
            f"| **{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f}) "
            f"| {row['nginx', 'node_ms']:.3f} | {row['bluegate', 'node_ms']:.3f} "
            f"| {row['nginx', 'rate']:.0f} | {row['bluegate', 'rate']:.0f} |"
        )
    lines += ["", "Memory after the load: " + ", ".join(
        f"{contender.name} {memory_megabytes(contender.process.pid):.0f} MB" for contender in contenders) + "."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=8000)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "bench/results/proxy.md")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bluegate-bench-"))
    started = []
    try:
        certificates(folder)
        bundle = client_files(folder / "files")
        node, node_port = start_nginx(
            folder / "node", folder, NODE, "gzip_static on;",
            f"location /{MOUNT}/html5client/ {{ alias {folder}/files/; }}")
        started.append(node)
        nginx, nginx_port = start_nginx(
            folder / "nginx", folder, CLUSTER, DOCUMENTED_HTTP.format(folder=folder / "nginx"),
            DOCUMENTED.format(mount=MOUNT, node=NODE, node_port=node_port))
        started.append(nginx)
        bluegate, bluegate_port = start_bluegate(folder / "bluegate", folder, node_port)
        started.append(bluegate)
        contenders = [
            Contender("nginx", nginx, nginx_port, CLUSTER),
            Contender("bluegate", bluegate, bluegate_port, f"{CLUSTER}:{bluegate_port}"),
        ]
        rows = measure(contenders, node, options.rounds, options.requests)
        text = report(rows, contenders, options.rounds, options.requests, bundle)
    finally:
        for process in started:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
