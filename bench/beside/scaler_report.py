"""What was measured of the scaler, as a page."""

import pathlib
from statistics import median

# What was found out by profiling, which a run cannot tell.
NOTES = pathlib.Path(__file__).parent / "scaler_notes.md"


def middle(results, figure):
    return median(result[figure] for result in results)


def ratio(results, figure="cpu_us"):
    """Ours as a multiple of nginx's in the same round: median, least, most."""
    ratios = [ours[figure] / theirs[figure] for ours, theirs in zip(results["bluegate"], results["nginx"])]
    return median(ratios), min(ratios), max(ratios)


def shown_ratio(results, figure="cpu_us"):
    middle_, least, most = ratio(results, figure)
    return f"**{middle_:.2f}** ({least:.2f} to {most:.2f})"


def figures(results, digits, *names):
    """Cells of medians, with so many digits."""
    return [f"{middle(results, name):.{digits}f}" for name in names]


def failures(results):
    return str(sum(result["failed"] for result in results))


def latency(results):
    """Cells of p50, p99, p99.9 and failures."""
    return [*figures(results, 2, "p50_ms", "p99_ms", "p999_ms"), failures(results)]


def late(results):
    """How late the load began what was due: part of all its times, whoever answers."""
    return f"{median(result['late']['p99_ms'] for result in results):.2f}"


def table(head, rows):
    """Rows of cells below a head whose names ` | ` parts; only servers are words."""
    names = head.split(" | ")
    rule = ("---" if name == "server" else "--:" for name in names)
    return [f"| {' | '.join(cells)} |" for cells in (names, rule, *rows)]


def beside_table(results, what):
    return table(f"server | CPU us | {what}/s per core | to nginx (min to max) | p50 ms | p99 ms", (
        [name, *figures(mine, 1, "cpu_us"), f"{1e6 / middle(mine, 'cpu_us'):.0f}",
         "1.00" if name == "nginx" else shown_ratio(results), *figures(mine, 2, "p50_ms", "p99_ms")]
        for name, mine in results.items()))


def rates_table(rates):
    return table("joins/s asked for | server | answered/s | p50 ms | p99 ms | p99.9 ms | failed | begun late, p99 ms "
                 "| CPU us", (
        [str(rate), name, *figures(results, 0, "rate"), *latency(results), late(results),
         *figures(results, 1, "cpu_us")]
        for rate, servers in rates.items() for name, results in servers.items()))


def hanging_table(hanging):
    return table("server | p50 ms | p99 ms | p99.9 ms | failed | begun late, p99 ms", (
        [name, *latency(results), late(results)] for name, results in hanging.items()))


def crowd_table(crowd):
    return table("server | all served after s | failed | p50 ms | p99 ms | CPU s", (
        [name, *figures(mine, 2, "seconds"), failures(mine), *figures(mine, 0, "p50_ms", "p99_ms"),
         *figures(mine, 2, "cpu_seconds")]
        for name, mine in crowd.items()))


def creates_table(first, runs):
    """Rounds of creates, by what the `first` column tells them apart by."""
    return table(f"{first} | creates/s | CPU us | p50 ms | p99 ms", (
        [name, *figures(results, 0, "rate", "cpu_us"), *figures(results, 1, "p50_ms", "p99_ms")]
        for name, results in runs))


def lists_table(lists):
    return table("users in each | kB | CPU ms | p50 ms | p99 ms | p99.9 ms | failed | CPU of the polls", (
        [str(users), f"{of['bytes'] / 1000:.0f}", f"{middle(of['rounds'], 'cpu_us') / 1000:.2f}",
         *latency(of["rounds"]), f"{100 * of['idle']:.1f} % of a core"]
        for users, of in ((users, lists[users]) for users in (0, 10))))


def viewers_table(rounds):
    return table("CPU us per call | calls/s at the nodes | p50 ms | p99 ms | p99.9 ms | failed", [
        [*figures(rounds, 1, "cpu_us"), *figures(rounds, 0, "asked"), *latency(rounds)]])


def many_table(many):
    return table("meetings | tenants | adopted in s | CPU s | MB without | MB with | kB each | polling, of a core "
                 "| join, CPU us | metrics p50 ms | p99 ms | CPU ms | series | kB", (
        [str(of["adopted"]), str(of["tenants"]), f"{of['took']:.0f}", f"{of['cpu']:.1f}", f"{of['empty'] / 1024:.0f}",
         f"{of['full'] / 1024:.0f}", f"{(of['full'] - of['empty']) / max(1, of['adopted']):.1f}",
         f"{100 * of['idle']:.0f} %", *figures([of["joined"]], 1, "cpu_us"),
         *figures([of["metrics"]], 1, "p50_ms", "p99_ms"), f"{of['metrics']['cpu_us'] / 1000:.1f}",
         str(of["metrics"]["series"]), f"{of['metrics']['bytes'] / 1000:.0f}"]
        for of in many))


def spread_goal(what, bursts):
    """Whether bursts of creates, due within a second, were spread evenly and in time."""
    spread, took = max(burst["spread"] for burst in bursts), max(burst["seconds"] for burst in bursts)
    return f"{what}: max - min at most 1", f"{spread}, after {took:.2f} s", spread <= 1 and took < 1.2


def spreads(bursts):
    return ", ".join(str(burst["spread"]) for burst in bursts)


def kept_section(kept, about):
    cpu = middle(kept["full"]["bluegate"], "cpu_us")
    yield "joins on kept connections: 50,000/s per core", f"{1e6 / cpu:,.0f}/s", cpu <= 20
    yield [
        f"## Joins, kept connections in the clear, {about['joins']} each on 16 connections",
        "",
        f"Beside nginx with a file of {about['static_bytes']} bytes. 1,000 meetings on 22 nodes, whose polls take "
        f"{100 * kept['idle']:.1f} % of a core.",
        "",
        *beside_table(kept["full"], "requests"),
        "",
        f"At a fixed rate, for {about['seconds']} s:",
        "",
        *rates_table(kept["rates"]),
    ]


def new_section(new, about):
    times, hanging = ratio(new["some"])[0], middle(new["hanging"]["bluegate, a node hangs"], "p99_ms")
    failed = sum(run["failed"] for run in new["crowd"]["bluegate"])
    yield "join on a new TLS connection: at most nginx's CPU for a file", f"{times:.2f} of nginx", times <= 1
    yield "1,000 new connections/s while a node hangs: p99 under 20 ms", f"{hanging:.1f} ms", hanging < 20
    yield f"{about['crowd']:,} joins at once: none fails", f"{failed} failed", not failed
    yield [
        f"## Joins, a new TLS connection each, {about['connections']} on 16 at once",
        "",
        "Full handshakes (P-256), beside nginx with the same file.",
        "",
        *beside_table(new["some"], "connections"),
        "",
        f"1,000 such joins per second at a fixed rate, for {about['seconds']} s:",
        "",
        *hanging_table(new["hanging"]),
        "",
        f"{about['crowd']} at once:",
        "",
        *crowd_table(new["crowd"]),
    ]


def creates_section(creates, about):
    bursts = creates["bursts"]
    yield spread_goal("200 creates in 1 s on 22 equal nodes", bursts)
    yield [
        f"## Creates, {about['creates']} on 64 connections, 22 nodes, {about['rounds']} times one after the other",
        "",
        *creates_table("nodes take", ((f"{ms} ms", results) for ms, results in creates["full"].items())),
        "",
        "200 at a fixed rate of 200/s over 22 empty nodes, each time anew: max - min of meetings on a node "
        f"{spreads(bursts)}; p99 {middle(bursts, 'p99_ms'):.1f} ms.",
    ]


def placing_section(placing, about):
    bursts, races = placing["bursts"], placing["races"]
    yield spread_goal("200 creates in 1 s at 3 scalers on one PostgreSQL, 22 equal nodes", bursts)
    yield [
        "## Creates beside open meetings, and at three scalers on one PostgreSQL",
        "",
        "On 16 connections, one scaler and SQLite; of the meetings that are open nothing is read at a create:",
        "",
        *creates_table("open meetings", ((str(crowd), [run]) for crowd, run in placing["crowds"].items())),
        "",
        f"Three scalers on one core and one PostgreSQL, {about['creates']} creates on 16 connections to each: "
        f"{middle(races, 'rate'):.0f}/s, CPU {middle(races, 'cpu_us'):.0f} us each without PostgreSQL's, "
        f"p99 {middle(races, 'p99_ms'):.0f} ms; max - min of meetings on a node "
        f"{spreads(races)}. At a fixed rate of 201/s, each time anew: max - min {spreads(bursts)}; "
        f"p99 {middle(bursts, 'p99_ms'):.0f} ms.",
    ]


def lists_section(lists, _about):
    cpu, age = middle(lists[0]["rounds"], "cpu_us") / 1000, max(lists["ages"])
    yield ("getMeetings, 1,000 meetings, 50 nodes, one dead, one hanging: under 5 ms of CPU", f"{cpu:.2f} ms", cpu < 5)
    yield "the same: answers at most 5 s old", f"{age:.1f} s", age <= 5
    yield [
        "## getMeetings, 1,000 meetings on 50 nodes, one dead, one hanging, 20/s",
        "",
        *lists_table(lists),
        "",
        "Until a list shows what changed at a node: " + ", ".join(f"{age:.1f} s" for age in lists["ages"]) + ".",
    ]


def viewers_section(viewers, _about):
    asked, can = middle(viewers["rounds"], "asked"), 2 * viewers["meetings"]
    yield ("each viewer's question is put to a node at most once a second, however many ask",
           f"{asked:.0f}/s for {can} questions", asked <= can * 1.1)
    yield [
        f"## {viewers['viewers']:,} viewers of {viewers['meetings']} meetings",
        "",
        "Each asks for getMeetingInfo and isMeetingRunning every 2 s: "
        f"{viewers['calls']:,} calls/s, {viewers['viewers'] // viewers['meetings']} users in each meeting.",
        "",
        *viewers_table(viewers["rounds"]),
    ]


def many_section(many, _about):
    for of in many:
        times, tenants = of["metrics"]["p99_ms"], of["tenants"]
        whose = f" of {tenants} tenants" if tenants > 1 else ""
        yield (f"metrics with 500 nodes and {of['adopted']:,} meetings{whose} in under 10 ms (p99)", f"{times:.1f} ms",
               times < 10)
    yield [
        "## 500 nodes: memory, polls, metrics",
        "",
        "The nodes have their meetings already; a scaler with an empty store finds and adopts them, as after a loss of "
        "its store. Each scrape of `/metrics` is of all nodes, tenants, calls and decisions; its CPU is that beyond polling.",
        "",
        *many_table(many),
    ]


# Each yields goals (what, reached, whether that is it) and, last, the lines of its section.
SECTIONS = {"kept": kept_section, "new": new_section, "creates": creates_section, "placing": placing_section,
            "lists": lists_section, "viewers": viewers_section, "many": many_section}


def page(results, about):
    """The page; a step that failed is a text that says why."""
    goals, sections = [], []
    for step, result in results.items():
        if isinstance(result, str):
            goals.append((f"step `{step}`", "not measured", False))
            sections += [f"## `{step}` was not measured", "", "```", result.strip(), "```", ""]
            continue
        *of_step, lines = SECTIONS[step](result, about)
        goals += of_step
        sections += [*lines, ""]
    return "\n".join([
        "# Scaler benchmark",
        "",
        f"`make bench-scaler`: {about['rounds']} rounds each, medians. `bluegate serve` with a scaler and SQLite, one",
        "worker, on one core; the load, and the nodes, on the other; loopback, two cores. The nodes are doubles",
        "(`bench/load`) that answer from memory in constant time and check no checksum: 500 of them leave the core to",
        "the load, which real or simulated ones would not. Joins and creates are signed beforehand with SHA-256, as",
        "frontends do; the scaler verifies them and signs for the node with SHA-512. CPU is user and system time of the",
        "whole process, less what it took at rest just before, which is the polls of the nodes and is given beside.",
        "\"At a fixed rate\" is an open loop: each request is due at a time of its own, and its time counts from then,",
        "not from when it could be sent. What the load itself adds to such times is given beside them: how late it",
        "began what was due, and how long nginx took for a file. Written by the run; figures of another machine differ.",
        "",
        "| goal | reached | |",
        "| --- | --: | --- |",
        *(f"| {goal} | {reached} | {'yes' if is_it else '**no**'} |" for goal, reached, is_it in goals),
        "",
        *sections,
        NOTES.read_text(),
    ])
