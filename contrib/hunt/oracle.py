"""Tells a lost wakeup from want of a core: what an overdue answer's server does meanwhile.

A server that sleeps, with bytes unread in its sockets or with answers that it owes, waits for a
wakeup that has been. One that runs, or that waits for a core, is slow.
"""

import time

from peer import OF_PLAIN, PLAIN, Loss

# For an answer, in time in which the server was not stopped.
BOUND_S = 5.0
# The same for one that runs all the while.
BUSY_BOUND_S = 60.0
# A constant answer that took longer is told, with what the reactors did meanwhile.
SLOW_S = 1.0
# Of a second: who ran, or waited for a core, for less has slept.
ASLEEP_S = 0.1
SAMPLES = 12


def sample(server):
    """Once a second: how long each thread has run, and waited for a core."""
    now = time.monotonic()
    if not server.samples or now - server.samples[-1][0] >= 1:
        server.samples.append((now, server.threads()))
        del server.samples[:-SAMPLES]


def why_slow(peer, waited):
    """How much of its time each reactor was on a core or waited for one; less than nearly all, with
    nothing else to do, would be a wakeup that came late."""
    server, now = peer.server, time.monotonic()
    earlier = [one for one in server.samples if one[0] <= now - waited] or server.samples[:1]
    at, before = earlier[-1]
    shares = []
    for task, (name, _, _, _, ran, lacked) in server.threads().items():
        if name.startswith("reactor") and task in before:
            span = ran + lacked - sum(before[task][4:])
            shares.append(f"{name} {span / 1e7 / (now - at):.0f} %")
    told = f"slow: port {peer.port} of {server.pid}, {1000 * waited:.0f} ms; busy or without a core"
    return f"{told} for {now - at:.1f} s: {', '.join(shares)}"


def look_into(hunt, peer):
    """Returns if the answer comes after all, or the server is at work; else it is a loss."""
    server = peer.server
    before = server.threads()
    until = time.monotonic() + 1
    while time.monotonic() < until:
        hunt.pump(0.1)
    after = server.threads()
    if not peer.is_waiting() or peer.waited() < BOUND_S:
        hunt.count["late"] += 1
        print(f"late: port {peer.port} of {server.pid}, with burners: {hunt.burners.are_burning}")
        print("\n".join(history(server)), flush=True)
        return
    if is_at_work(before, after) and peer.waited() < BUSY_BOUND_S:
        return
    loss = Loss(f"port {peer.port} of {server.pid}: no answer for {peer.waited():.1f} s")
    evidence = describe(hunt, peer, before, after)
    (hunt.folder / "evidence").write_text(evidence)
    print(evidence, flush=True)
    server.keep_core(hunt.folder)
    print(poke(hunt, peer), flush=True)
    raise loss


def is_at_work(before, after):
    """Whether any thread was on a core, or waited for one, for more than a little."""
    for task, (_, state, _, _, ran, waited) in after.items():
        _, _, _, _, ran_before, waited_before = before.get(task, after[task])
        if state == "R" or ran - ran_before + waited - waited_before > ASLEEP_S * 1e9:
            return True
    return False


def describe(hunt, peer, before, after):
    """All that says whether it is a loss."""
    server = peer.server
    queues = server.sockets()
    lines = [f"server {server.pid}: {' '.join(server.options)}",
             "thread: state, wchan, system call, ms run and ms waited for a core within a second"]
    for task, (name, state, wchan, call, ran, waited) in after.items():
        ran, waited = (now - then for now, then in zip((ran, waited), before[task][4:]))
        figures = f"{ran / 1e6:.1f} {waited / 1e6:.1f}"
        lines.append(f"  {task} {name}: {state}, {wchan}, {call}, {figures}")
    lines.append("connections that wait: port, answers owed, s, bytes unread and unsent there")
    for other in hunt.of([server]):
        if other.is_waiting() and other.waited() > 1:
            unread, unsent = queues.get(other.port, ("no", "socket"))
            figures = f"{len(other.owed)}, {other.waited():.1f}, {unread} {unsent}"
            lines.append(f"  {other.port}: {figures}; unparsed here: {bytes(other.input[:60])!r}")
    others = [other for other in hunt.of([server]) if not other.owed]
    lines.append(f"{len(others)} other connections are owed nothing")
    return "\n".join([*lines, *history(server)])


def history(server):
    """What its threads did in the last seconds."""
    yield "seconds ago, and ms run and ms waited for a core of each thread in that second"
    now = time.monotonic()
    for (_, before), (at, after) in zip(server.samples, server.samples[1:]):
        figures = []
        for task, (name, _, _, _, ran, waited) in after.items():
            ran_before, waited_before = before.get(task, after[task])[4:]
            ran, waited = (ran - ran_before) / 1e6, (waited - waited_before) / 1e6
            figures.append(f"{name} {ran:.0f} {waited:.0f}")
        yield f"  {now - at:.0f}: {', '.join(figures)}"


def poke(hunt, peer):
    """Whether another connection is served, and whether one more request wakes this one."""
    other = hunt.connect(peer.server)
    other.ask_for(PLAIN, [OF_PLAIN])
    hunt.watch(other)
    pump(hunt)
    said = f"a new connection is served: {not other.owed}"
    owed = len(peer.owed)
    if not peer.output:
        peer.ask_for(PLAIN, [OF_PLAIN])
        pump(hunt)
    return f"{said}; after one more request {owed + 1 - len(peer.owed)} of {owed + 1} answers came"


def pump(hunt):
    until = time.monotonic() + 1
    while time.monotonic() < until:
        hunt.pump(0.1)
