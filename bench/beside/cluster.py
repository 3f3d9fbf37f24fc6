"""A scaler over doubles of nodes, and an nginx that answers a small file."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
import sys
import time
import urllib.request

from beside.files import API, ROOT
from beside.servers import Server, free_port, start_nginx

LOAD = ROOT / "target/release/bluegate-load"
BLUEGATE = ROOT / "target/release/bluegate"
SECRET = "639259d4-9dd8-4b25-bf01-95f9567eaf4b"
NODE_SECRET = "node-secret-0123456789abcdef"
TOKEN = "3f1c8a52b8d94c0e9d5d0c6a7a1b2c3d"

CONFIGURATION = """
[cluster]
origin = "http://bbb.bench.localhost"
{nodes}
{tenants}
[scaler]
origin = "{scheme}://{authority}"
listen = "127.0.0.1:{port}"
store = "{store}"
key_file = "{key_file}"
{tls}
[admin]
listen = "127.0.0.1:{admin_port}"
token_file = "{folder}/token"
"""

NODE = """[[node]]
name = "{name}"
origin = "http://{name}.bench.localhost:{port}"
address = "127.0.0.1:{address}"
secret_file = "{folder}/node"
bbb = "3.0"
"""

TENANT = """[[tenant]]
name = "{name}"
secret_file = "{folder}/{name}"
"""

# Longer than any step takes.
PATIENCE = 120
STATUS = b"HTTP/1.1 200"


def pinned(core):
    """A command on one core of this machine: what is measured on the first, the rest on the last."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core])] if len(cores) > 1 else []


def node_name(number):
    return f"bbb-{number:04}"


def tenant_names(count):
    """The first is the one whose meeting IDs are the same on the nodes."""
    return ["default", *(f"school-{number:02}" for number in range(1, count))]


def secret_of(tenant):
    return SECRET if tenant == "default" else f"{SECRET}-{tenant}"


def signed(call, query, tenant="default"):
    """The path of a call, signed as frontends do."""
    checksum = hashlib.sha256(f"{call}{query}{secret_of(tenant)}".encode()).hexdigest()
    return f"/bigbluebutton/api/{call}?{query}{'&' if query else ''}checksum={checksum}"


def stamp(meeting):
    """The scaler's own mark of a meeting of tenant `default` (crates/bbb-api/src/stamp.rs)."""
    message = b"bluegate stamp v1\0default\0" + meeting.encode()
    mac = hmac.new(NODE_SECRET.encode(), message, hashlib.sha256).hexdigest()[:32]
    return f"v1.default.{base64.urlsafe_b64encode(meeting.encode()).decode().rstrip('=')}.{mac}"


def create(meeting, tenant="default"):
    return signed("create", f"name=Class+{meeting}&meetingID={meeting}&record=true&welcome=Good+morning"
                            f"&meta_bbb-origin=Moodle&meta_bbb-context=Course+{meeting}", tenant)


def join(meeting, user, tenant="default"):
    return signed("join", f"fullName=User+{user}&meetingID={meeting}&role=VIEWER&userID=u-{user}"
                          "&userdata-bbb_display_branding_area=true", tenant)


class Doubles(Server):
    """Doubles of nodes: `nodes` of them answer, and some may be dead."""

    def __init__(self, folder, nodes, dead=0, create_ms=0, users=0):
        self.nodes, self.dead_port = nodes, free_port()
        self.all = [node_name(number) for number in range(1, nodes + dead + 1)]
        self.dead = self.all[nodes:]
        port = free_port()
        command = [*pinned(-1), LOAD, "nodes", "--listen", f"127.0.0.1:{port}",
                   "--create-ms", str(create_ms), "--users", str(users)]
        super().__init__("doubles", folder / "doubles", port, f"127.0.0.1:{port}", command)

    def ask(self, node, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Host": f"{node}.x"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read().decode()

    def fill(self, each):
        """Gives each node that answers so many meetings, stamped as the scaler stamps those it places."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            for node in self.all[:self.nodes]:
                names = [f"{node}-{number}" for number in range(each)]
                connection.sendall("".join(
                    f"GET {create(name)}&meta_bluegate-stamp={stamp(name)} HTTP/1.1\r\nHost: {node}.x\r\n\r\n"
                    for name in names).encode())
                answered, end = 0, b""
                while answered < each:
                    read = end + connection.recv(1 << 20)
                    answered += read.count(STATUS)
                    # The beginning of a status line may be in one part and its end in the next.
                    end = read[-len(STATUS) + 1:]

    def hang(self):
        """The last one that answers takes requests and answers none from now on."""
        self.ask(self.all[self.nodes - 1], "/hang")

    def counts(self):
        """Calls so far by name, and meetings by node."""
        return json.loads(self.ask("none", "/counts"))


class Scaler(Server):
    """`bluegate serve` with a scaler over doubles, one worker; an empty store, unless it is told of one."""

    def __init__(self, folder, doubles, certificates=None, tenants=1, name="scaler", store=None):
        place = folder / name
        place.mkdir()
        self.doubles, self.certificates, self.admin_port = doubles, certificates, free_port()
        self.background = 0
        port = free_port()
        authority, scheme = f"{API}:{port}", "https" if certificates else "http"
        self.tenants = tenant_names(tenants)
        secrets = {name: secret_of(name) for name in self.tenants}
        for name, secret in {**secrets, "node": NODE_SECRET, "token": TOKEN}.items():
            (place / name).write_text(secret + "\n")
        nodes = "".join(
            NODE.format(name=name, port=doubles.port, folder=place,
                        address=doubles.dead_port if name in doubles.dead else doubles.port)
            for name in doubles.all)
        tls = (f'tls = {{ cert = "{certificates}/leaf.pem", key = "{certificates}/leaf.key" }}'
               if certificates else "")
        (place / "bluegate.toml").write_text(CONFIGURATION.format(
            nodes=nodes, tenants="".join(TENANT.format(name=name, folder=place) for name in self.tenants),
            folder=place, scheme=scheme, authority=authority, port=port,
            admin_port=self.admin_port, tls=tls, store=store or f"sqlite://{place}/bluegate.db",
            # Scalers on one store share it.
            key_file=(folder if store else place) / "key"))
        super().__init__("bluegate", place, port, authority,
                         [*pinned(0), BLUEGATE, "serve", "-c", place / "bluegate.toml"],
                         {"TOKIO_WORKER_THREADS": "1"})
        try:
            self.wait_until_polled()
        except BaseException:
            self.stop()
            raise

    def wait_until_polled(self):
        """Until each node that answers has been asked once."""
        def polls():
            return self.doubles.counts()["calls"].get("getMeetings", 0)
        before = polls()
        self.wait("the nodes are not polled", lambda: polls() - before >= self.doubles.nodes)

    def wait(self, what, reached):
        deadline = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                sys.exit(f"bench: {what}\n" + (self.folder / "output").read_text()[-2000:])
            time.sleep(0.05)

    def connect_admin(self):
        """Asks the admin listener for a path, on a connection that is kept."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)

        def ask(path):
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                sys.exit(f"bench: {path}: {answer.status}")
            return body
        return ask

    def rest(self, seconds):
        """CPU seconds per second while nobody asks, which is what polling takes; not counted as anybody's request
        from now on."""
        before, began = self.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        self.background = (self.cpu_seconds() - before) / (time.monotonic() - began)
        return self.background


def start_static(folder, certificates, bytes_):
    """nginx with one file of this size, over TLS and in the clear."""
    files = folder / "static"
    files.mkdir(exist_ok=True)
    (files / "file").write_text("x" * bytes_)
    clear = free_port()
    server = start_nginx("nginx", folder / "nginx", certificates, API, "",
                         f"listen 127.0.0.1:{clear}; location / {{ root {files}; }}", pinned(0))
    server.clear_port, server.certificates, server.background = clear, certificates, 0
    return server
