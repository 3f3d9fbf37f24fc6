"""The node and the contenders: each one worker, TLS on both sides."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

from beside.files import CLUSTER, MOUNT, NODE, ROOT

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

HAPROXY = """
global
    # One in front may have one behind, it reckons; idle ones have none.
    no strict-limits
    maxconn {connections}
    nbthread 1
    ca-base {certificates}
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
cache client
    total-max-size 256
    max-object-size 8000000
    max-age 3600
frontend browsers
    bind 127.0.0.1:{port} ssl crt {certificates}/both.pem alpn h2,http/1.1
    acl asset path_end .js .css .woff .woff2 .png .svg
    http-request cache-use client if asset
    http-response cache-store client
    use_backend node if {{ path_beg /{mount}/html5client/ }}
backend node
    http-request set-header Host {node}
    http-request set-header Accept-Encoding gzip
    server node 127.0.0.1:{node_port} ssl sni str({node}) verify required ca-file ca.pem
"""

CADDY = """
{{
    admin off
    auto_https off
    storage file_system {folder}/data
    log {{
        level ERROR
    }}
}}
https://{name}:{port} {{
    bind 127.0.0.1
    tls {certificates}/leaf.pem {certificates}/leaf.key
    reverse_proxy /{mount}/html5client/* https://127.0.0.1:{node_port} {{
        header_up Host {node}
        transport http {{
            tls_server_name {node}
            tls_trusted_ca_certs {certificates}/ca.pem
        }}
    }}
}}
"""

BLUEGATE = """
[cluster]
origin = "https://{name}:{port}"
node_ca = "{certificates}/ca.pem"
[[node]]
name = "{mount}"
origin = "https://{node}:{node_port}"
address = "127.0.0.1:{node_port}"
bbb = "3.0"
[proxy]
listen = "127.0.0.1:{port}"
connections = {connections}
# All come from one address.
client_connections = {connections}
client_rate = 1000000
client_burst = 1000000
client_handshake_rate = 1000000
client_handshake_burst = 1000000
client_upstream_rate = 1000000
client_upstream_burst = 1000000
client_request_rate = 1000000
client_request_burst = 10000000
tls = {{ cert = "{certificates}/leaf.pem", key = "{certificates}/leaf.key" }}
[proxy.cache]
warm = {warm}
"""

# Connections a contender lets in.
CONNECTIONS = 15_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that listens, and what it takes."""

    def __init__(self, name, folder, port, authority, command, environment=None):
        self.name, self.folder, self.port, self.authority = name, folder, port, authority
        folder.mkdir(exist_ok=True)
        with open(folder / "output", "w") as output:
            self.process = subprocess.Popen(
                command, env=dict(os.environ, **(environment or {})), stdout=output, stderr=output)
        self.wait_until_listening()

    def wait_until_listening(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"bench: {self.name} ended at once\n" + (self.folder / "output").read_text())
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        sys.exit(f"bench: nothing listens on port {self.port}")

    def family(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid] + [int(child) for child in children]

    def cpu_seconds(self):
        # The CPU clock of another process, in nanoseconds: clock_getcpuclockid(3).
        return sum(time.clock_gettime_ns(~pid << 3 | 2) for pid in self.family()) / 1e9

    def resident_kilobytes(self):
        pages = [int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.family()]
        return sum(pages) * os.sysconf("SC_PAGESIZE") / 1024

    def wait_until_idle(self):
        """Work behind the answers (compressing, warming) must not count as theirs."""
        deadline = time.monotonic() + 180
        spent = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(6)
            now = self.cpu_seconds()
            if now - spent < 0.05:
                return
            spent = now
        sys.exit(f"bench: {self.name} does not come to rest")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_nginx(name, folder, certificates, server_name, http, server, prefix=()):
    folder.mkdir()
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(user=user, folder=folder, certificates=certificates, http=http,
                        port=port, name=server_name, server=server)
    (folder / "nginx.conf").write_text(text)
    command = [*prefix, "nginx", "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"]
    return Server(name, folder, port, server_name, command)


def start_node(folder):
    """The node: nginx with the client's files, packed beforehand."""
    return start_nginx(
        "node", folder / "node", folder, NODE, "gzip_static on;",
        f"location /{MOUNT}/html5client/ {{ alias {folder}/files/; }} location = /status {{ stub_status; }}")


def start_contender(name, folder, node, warm=True):
    """One of nginx, haproxy, caddy, bluegate, with nothing cached."""
    place = folder / name
    if name == "nginx":
        return start_nginx(
            name, place, folder, CLUSTER, DOCUMENTED_HTTP.format(folder=place),
            DOCUMENTED.format(mount=MOUNT, node=NODE, node_port=node.port))
    place.mkdir()
    port = free_port()
    text, file, command, environment = {
        "haproxy": (HAPROXY, "haproxy.cfg", ["haproxy", "-db", "-q", "-f"], {}),
        "caddy": (CADDY, "Caddyfile", ["caddy", "run", "--adapter", "caddyfile", "--config"],
                  {"GOMAXPROCS": "1", "HOME": str(place)}),
        "bluegate": (BLUEGATE, "bluegate.toml", [ROOT / "target/release/bluegate", "serve", "-c"],
                     {"TOKIO_WORKER_THREADS": "1"}),
    }[name]
    (place / file).write_text(text.format(
        folder=place, certificates=folder, name=CLUSTER, port=port, mount=MOUNT, node=NODE,
        node_port=node.port, connections=CONNECTIONS, warm=str(warm).lower()))
    return Server(name, place, port, f"{CLUSTER}:{port}", command + [place / file], environment)
