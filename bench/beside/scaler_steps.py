"""What is measured of the scaler, step by step."""

import contextlib
import itertools
import json
import re
import resource
import subprocess
import sys
import time
import urllib.request

from beside.cluster import LOAD, Doubles, Scaler, create, join, pinned, signed, start_static
from beside.load import Spent

# Connections with requests under way, where as many as are answered are asked.
CLIENTS = 16
# Meetings that joins go to.
MEETINGS = 1_000
# Meetings on 500 nodes, as a large cluster may have them.
MANY = 10_000
# Tenants of a large cluster.
TENANTS = 50
# Equal nodes.
NODES = 22
# As long as the answer to a join, head included.
STATIC_BYTES = 400
# Longest a load may take beyond what it is told.
PATIENCE = 120


class Nothing:
    """A node that takes nothing, for `Spent`."""

    def cpu_seconds(self):
        return 0


def run_load(server, kind, paths, *options, port=None, status=200, may_fail=False):
    """One run of the load, and the CPU that the server took for it."""
    file = server.folder / "paths"
    file.write_text("\n".join(paths))
    command = [*pinned(-1), LOAD, kind, "--address", f"127.0.0.1:{port or server.port}",
               "--authority", server.authority, "--paths-file", file, "--status", str(status),
               *map(str, options)]
    if server.certificates and port is None:
        command += ["--ca", server.certificates / "ca.pem"]
    with Spent(server, Nothing()) as spent:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        sys.exit(f"bench: the load failed at {server.name}\n{done.stderr}")
    result = json.loads(done.stdout)
    if result["failed"] and not may_fail:
        sys.exit(f"bench: {server.name} failed {result['failed']} times: {result['error']}\n"
                 + (server.folder / "output").read_text()[-2000:])
    result["cpu_seconds"] = spent.cpu - server.background * result["seconds"]
    result["cpu_us"] = 1e6 * result["cpu_seconds"] / max(1, result["answered"])
    result["rate"] = result["answered"] / result["seconds"]
    return result


@contextlib.contextmanager
def running(folder, nodes, tls=None, tenants=1, **doubles):
    """A scaler over doubles, gone afterwards."""
    nodes = Doubles(folder, nodes, **doubles)
    try:
        scaler = Scaler(folder, nodes, tls, tenants)
        try:
            yield scaler
        finally:
            scaler.stop()
    finally:
        nodes.stop()


def fill(scaler, count, first=0):
    """Creates so many meetings, and returns what that took."""
    names = [f"class-{number}" for number in range(first, first + count)]
    return run_load(scaler, "kept", [create(name) for name in names],
                    "--connections", CLIENTS, "--requests", count)


def joins(count, meetings=MEETINGS):
    return [join(f"class-{user % meetings}", user) for user in range(count)]


def say(text):
    print(f"  {text}", flush=True)


def take_turns(rounds, contenders):
    """Results by name, one for each round; contenders measure in turn."""
    results = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            results[name].append(measure())
    return results


def shown_tails(results):
    return ", ".join(f"{name} {of[-1]['p99_ms']:.2f} ms (begun late: {of[-1]['late']['p99_ms']:.2f} ms)"
                     for name, of in results.items())


def joins_kept(options, folder, certificates):
    """Joins on kept connections in the clear, beside a file of nginx; as many as can be, and at fixed rates."""
    paths = joins(options.joins)
    static = start_static(folder, certificates, STATIC_BYTES)
    try:
        with running(folder, NODES) as scaler:
            created = fill(scaler, MEETINGS)
            time.sleep(3)
            idle = scaler.rest(4)

            def full(server, paths, **more):
                return run_load(server, "kept", paths, "--connections", CLIENTS,
                                "--requests", options.joins, **more)
            both = take_turns(options.rounds, {
                "nginx": lambda: full(static, ["/file"], port=static.clear_port),
                "bluegate": lambda: full(scaler, paths, status=302)})
            def steady(server, paths, rate, **more):
                return run_load(server, "rate", paths, "--rate", rate, "--seconds", options.seconds,
                                may_fail=True, **more)
            rates = {}
            for rate in options.rates:
                rates[rate] = take_turns(options.rounds, {
                    "nginx": lambda: steady(static, ["/file"], rate, port=static.clear_port),
                    "bluegate": lambda: steady(scaler, paths, rate, status=302)})
                say(f"joins at {rate}/s: p99 " + shown_tails(rates[rate]))
    finally:
        static.stop()
    for name, results in both.items():
        say(f"joins kept alive: {name} {results[-1]['cpu_us']:.1f} us")
    say(f"polling takes {100 * idle:.1f} % of a core")
    return {"full": both, "rates": rates, "created": created, "idle": idle}


def joins_new(options, folder, certificates):
    """Joins on new TLS connections, beside a file of nginx: some at a time, thousands at once, at a fixed rate
    while a node hangs."""
    static = start_static(folder, certificates, STATIC_BYTES)
    try:
        with running(folder, NODES, certificates) as scaler:
            fill(scaler, MEETINGS)
            time.sleep(3)
            scaler.rest(4)
            paths = joins(options.connections)

            def connect(server, paths, count, at_once, status):
                return run_load(server, "connect", paths, "--connections", count, "--at-once", at_once,
                                status=status, may_fail=at_once > CLIENTS)
            some = take_turns(options.rounds, {
                "nginx": lambda: connect(static, ["/file"], options.connections, CLIENTS, 200),
                "bluegate": lambda: connect(scaler, paths, options.connections, CLIENTS, 302)})
            for name, results in some.items():
                say(f"joins on new connections: {name} {results[-1]['cpu_us']:.0f} us")
            crowd = joins(options.crowd)
            crowds = take_turns(options.rounds, {
                "nginx": lambda: connect(static, ["/file"], options.crowd, options.crowd, 200),
                "bluegate": lambda: connect(scaler, crowd, options.crowd, options.crowd, 302)})
            for name, results in crowds.items():
                say(f"{options.crowd} at once: {name} {results[-1]['seconds']:.1f} s, {results[-1]['failed']} failed")
            def steady(server, paths, status):
                return run_load(server, "rate", paths, "--rate", 1000, "--seconds", options.seconds, "--new",
                                "--connections", 512, status=status, may_fail=True)
            hanging = take_turns(options.rounds, {
                "nginx": lambda: steady(static, ["/file"], 200),
                "bluegate": lambda: steady(scaler, paths, 302)})
            scaler.doubles.hang()
            hanging |= take_turns(options.rounds, {"bluegate, a node hangs": lambda: steady(scaler, paths, 302)})
            say(f"1000 new connections/s: p99 {shown_tails(hanging)}")
    finally:
        static.stop()
    return {"some": some, "crowd": crowds, "hanging": hanging}


def creates(options, folder):
    """Creates as many as can be, over nodes that answer at once and in 50 ms; and 200 within a second on equal
    nodes."""
    results = {}
    for create_ms in (0, 50):
        with running(folder, NODES, create_ms=create_ms) as scaler:
            results[create_ms] = [
                run_load(scaler, "kept", [create(f"m-{turn}-{number}") for number in range(options.creates)],
                         "--connections", 64, "--requests", options.creates)
                for turn in range(options.rounds)]
            say(f"creates, nodes take {create_ms} ms: {results[create_ms][-1]['rate']:.0f}/s, "
                f"{results[create_ms][-1]['cpu_us']:.0f} us")
    bursts = []
    for turn in range(options.rounds):
        with running(folder, NODES) as scaler:
            burst = run_load(scaler, "rate", [create(f"burst-{number}") for number in range(200)],
                             "--rate", 200, "--seconds", 1)
            placed = scaler.doubles.counts()["meetings"].values()
            burst["spread"] = max(placed) - (min(placed) if len(placed) == NODES else 0)
            bursts.append(burst)
    say(f"200 creates in 1 s: max - min {[burst['spread'] for burst in bursts]}")
    return {"full": results, "bursts": bursts}


def lists(options, folder):
    """getMeetings with 1,000 meetings on 50 nodes of which one is dead and one hangs."""
    result = {}
    for users in (0, 10):
        with running(folder, 49, dead=1, users=users) as scaler:
            fill(scaler, MEETINGS)
            scaler.doubles.hang()
            time.sleep(5)
            idle = scaler.rest(6)
            rounds = []
            for _ in range(options.rounds):
                run = run_load(scaler, "rate", [signed("getMeetings", "")], "--rate", 20,
                               "--seconds", options.seconds)
                rounds.append(run)
            result[users] = {"idle": idle, "rounds": rounds, "bytes": len(get(scaler, signed("getMeetings", "")))}
            if not users:
                result["ages"] = [age(scaler) for _ in range(options.rounds)]
            say(f"getMeetings, {users} users each: {rounds[-1]['cpu_us'] / 1000:.2f} ms, "
                f"p99 {rounds[-1]['p99_ms']:.1f} ms; polling takes {100 * idle:.1f} % of a core")
    say(f"age of lists: {', '.join(f'{age:.1f} s' for age in result['ages'])}")
    return result


def get(scaler, path):
    request = urllib.request.Request(f"http://127.0.0.1:{scaler.port}{path}", headers={"Host": scaler.authority})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.read()


def age(scaler, tries=itertools.count(1)):
    """Seconds until a list shows what changed at a node."""
    number = next(tries)
    meeting, users = f"class-{number}", 41 + number
    # Which node it is on is not known here; one that hangs would not answer.
    for node in scaler.doubles.all[:scaler.doubles.nodes - 1]:
        if "SUCCESS" in scaler.doubles.ask(node, f"/users?meetingID={meeting}&users={users}"):
            began = time.monotonic()
            wanted = f"<participantCount>{users}</participantCount>".encode()
            scaler.wait("a list does not change", lambda: wanted in get(scaler, signed("getMeetings", "")))
            return time.monotonic() - began
    return age(scaler)


def viewers(options, folder):
    """Viewers who ask for getMeetingInfo and isMeetingRunning every 2 s, as Moodle does for each."""
    meetings, each = 100, 50
    # Both calls of all viewers.
    calls = [signed(call, f"meetingID=class-{meeting}")
             for _ in range(each) for meeting in range(meetings)
             for call in ("getMeetingInfo", "isMeetingRunning")]
    with running(folder, NODES, users=each) as scaler:
        fill(scaler, meetings)
        time.sleep(3)
        scaler.rest(4)
        rounds = []
        for _ in range(options.rounds):
            before = scaler.doubles.counts()["calls"]
            run = run_load(scaler, "rate", calls, "--rate", len(calls) // 2, "--seconds", options.seconds)
            after = scaler.doubles.counts()["calls"]
            asked = sum(after.get(call, 0) - before.get(call, 0)
                        for call in ("getMeetingInfo", "isMeetingRunning"))
            run["asked"] = asked / run["seconds"]
            rounds.append(run)
        say(f"viewers: {rounds[-1]['cpu_us']:.1f} us, p99 {rounds[-1]['p99_ms']:.2f} ms, "
            f"{rounds[-1]['asked']:.0f} calls/s at nodes")
    return {"meetings": meetings, "viewers": meetings * each, "calls": len(calls) // 2, "rounds": rounds}


def many(options, folder):
    """500 nodes that have meetings already, which an empty scaler adopts: metrics, also of many tenants, and memory
    with very many."""
    result = []
    for meetings, tenants in ((MANY, 1), (MANY, TENANTS), (options.meetings, 1)):
        with running(folder, 500, tenants=tenants) as scaler:
            empty = scaler.resident_kilobytes()
            began, spent = time.monotonic(), scaler.cpu_seconds()
            scaler.doubles.fill(meetings // 500)
            adopted = adopt(scaler, meetings)
            took, cpu = time.monotonic() - began, scaler.cpu_seconds() - spent
            idle = scaler.rest(8)
            full = scaler.resident_kilobytes()
            use(scaler)
            of = {"adopted": adopted, "tenants": tenants, "took": took, "cpu": cpu, "idle": idle, "empty": empty,
                  "full": full, "metrics": metrics(scaler, options.scrapes)}
            paths = [join(f"bbb-{user % 500 + 1:04}-0", user) for user in range(10_000)]
            of["joined"] = run_load(scaler, "kept", paths, "--connections", CLIENTS, "--requests", len(paths),
                                    status=302)
        say(f"{adopted} of {meetings} meetings adopted in {took:.0f} s, {cpu:.1f} s of CPU; "
            f"{full / 1024:.0f} MB, {empty / 1024:.0f} without; polling takes {100 * idle:.0f} % of a core; "
            f"metrics of {tenants} tenants p99 {of['metrics']['p99_ms']:.1f} ms")
        result.append(of)
    return result


def use(scaler):
    """Each tenant asks what frontends ask, so that there are figures of it."""
    for tenant in scaler.tenants:
        def ask(*paths, status=200):
            run_load(scaler, "kept", paths, "--connections", 1, "--requests", len(paths), status=status)
        ask(create("of-tenant", tenant))
        ask(*(signed(call, "meetingID=of-tenant", tenant) for call in ("getMeetingInfo", "isMeetingRunning")),
            *(signed(call, "", tenant) for call in ("getMeetings", "getRecordings")))
        ask(join("of-tenant", 1, tenant), status=302)


def adopt(scaler, meetings):
    """Waits until the scaler has so many meetings, within a bound; how many it has."""
    ask, deadline = scaler.connect_admin(), time.monotonic() + PATIENCE
    while True:
        found = re.search(rb'^bluegate_tenant_meetings\{tenant="default"\} (\d+)', ask("/metrics"), re.MULTILINE)
        count = int(found.group(1)) if found else 0
        if count >= meetings or time.monotonic() > deadline:
            return count
        time.sleep(1)


def metrics(scaler, count):
    """What scrapes of /metrics take, one after the other; their CPU is that beyond polling."""
    ask = scaler.connect_admin()
    body = ask("/metrics")
    times = []
    with Spent(scaler, Nothing()) as spent:
        for _ in range(count):
            began = time.perf_counter()
            ask("/metrics")
            times.append(1000 * (time.perf_counter() - began))
    times.sort()
    series = sum(not line.startswith(b"#") for line in body.splitlines())
    cpu = spent.cpu - scaler.background * sum(times) / 1000
    return {"p50_ms": times[len(times) // 2], "p99_ms": times[len(times) * 99 // 100], "cpu_us": 1e6 * cpu / count,
            "bytes": len(body), "series": series}


def raise_open_files(wanted):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit in (max(hard, wanted), hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return
