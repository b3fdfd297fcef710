"""The faults: each takes a lane, a run and its chances, breaks something, and sees the run through.

A fault returns whether it happened: what came too late to break anything does not count.
"""
import os
import signal
import time

from lane import Wrong, wait_for
from relay import Plan
from wire import PgError

MINE = "usename = 'loader'"


def moment(lane, run, chances, most=1.1):
    """Sleeps for a random part of the time that such a run takes."""
    time.sleep(chances.random() * most * run.input.seconds)


def still_runs(process):
    return process.poll() is None


def send(pid, number):
    """False where the process has ended."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


# Signals.


def waits_for(process, number):
    """It takes the signal itself; until then a container's process 1, unlike ours, would not get it."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        blocked = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk:"))
    return not still_runs(process) or blocked >> (number - 1) & 1


def signalled(lane, run, chances, number):
    process = lane.start(run)
    moment(lane, run, chances)
    if number != signal.SIGKILL:
        wait_for("handling of signals", 10, lambda: waits_for(process, number))
    process.send_signal(number)
    status = lane.finish(process)
    lane.repeat(run, status)
    return status != 0


def kill(lane, run, chances):
    return signalled(lane, run, chances, signal.SIGKILL)


def terminate(lane, run, chances):
    return signalled(lane, run, chances, chances.choice((signal.SIGTERM, signal.SIGINT)))


def freeze(lane, run, chances):
    """Stopped and continued; a second attempt meanwhile, as from a node that was taken for dead."""
    process = lane.start(run)
    moment(lane, run, chances)
    process.send_signal(signal.SIGSTOP)
    happened = still_runs(process)
    twin = lane.start(run, extra=("--lock-timeout", "200ms")) if chances.random() < 0.5 else None
    time.sleep(chances.random() * 0.5)
    process.send_signal(chances.choice((signal.SIGCONT, signal.SIGCONT, signal.SIGKILL)))
    process.send_signal(signal.SIGCONT)
    if twin is not None:
        lane.finish(twin)
    lane.repeat(run, lane.finish(process))
    return happened


def twins(lane, run, chances):
    """The same run several times at once; some of them die."""
    processes = []
    for _ in range(chances.randint(2, 4)):
        processes.append(lane.start(run))
        time.sleep(chances.random() * run.input.seconds / 2)
    for process in processes[: chances.randint(0, 1)]:
        process.kill()
    statuses = [lane.finish(process) for process in processes]
    lane.repeat(run, min(statuses, key=lambda status: status != 0))
    return True


# Sessions and the server.


def disturb(lane, run, chances, what):
    """Does something to each session of the program that it finds within a random time."""
    process = lane.start(run)
    happened = False
    with lane.server.session() as sql:
        moment(lane, run, chances)
        while still_runs(process) and not happened:
            happened = int(sql.value(f"SELECT count(*) FROM (SELECT {what} AS x FROM pg_stat_activity "
                                     f"WHERE {MINE}) AS s WHERE x")) > 0
    lane.repeat(run, lane.finish(process))
    return happened


def end_session(lane, run, chances):
    return disturb(lane, run, chances, "pg_terminate_backend(pid)")


def cancel_statement(lane, run, chances):
    return disturb(lane, run, chances, "pg_cancel_backend(pid) AND state = 'active'")


def kill_backend(lane, run, chances):
    """SIGKILL for the server's own process of the session: the whole server recovers."""
    process = lane.start(run)
    happened = False
    with lane.server.session() as sql:
        moment(lane, run, chances)
        while still_runs(process) and not happened:
            for (pid,) in sql.query(f"SELECT pid FROM pg_stat_activity WHERE {MINE}"):
                happened = send(int(pid), signal.SIGKILL) or happened
    if happened:
        wait_for("recovery", 60, lambda: lane.server_is_up())
    lane.repeat(run, lane.finish(process))
    return happened


def freeze_backend(lane, run, chances):
    process = lane.start(run)
    happened = False
    with lane.server.session() as sql:
        moment(lane, run, chances)
        while still_runs(process) and not happened:
            for (pid,) in sql.query(f"SELECT pid FROM pg_stat_activity WHERE {MINE}"):
                happened = send(int(pid), signal.SIGSTOP) or happened
                if chances.random() < 0.5:
                    process.kill()
                time.sleep(chances.random() * 0.5)
                send(int(pid), signal.SIGCONT)
    lane.repeat(run, lane.finish(process))
    return happened


def restart(lane, run, chances, mode):
    process = lane.start(run)
    moment(lane, run, chances)
    happened = still_runs(process)
    lane.server.stop(mode)
    if chances.random() < 0.3:
        status = lane.finish(process)
        if status not in (0, 10):
            raise Wrong(f"exit status {status} without a server")
        early = lane.finish(lane.start(run))
        if early != 10:
            raise Wrong(f"exit status {early} without a server")
    lane.server.start()
    lane.repeat(run, lane.finish(process))
    return happened


def stop_at_once(lane, run, chances):
    return restart(lane, run, chances, "immediate")


def stop_fast(lane, run, chances):
    return restart(lane, run, chances, "fast")


def fail_over(lane, run, chances):
    """The primary dies, its synchronous standby takes over; both are in the list of hosts."""
    lane.add_standby()
    hosts = [lane.server.port, lane.standby.port]
    chances.shuffle(hosts)
    process = lane.start(run, hosts=hosts)
    moment(lane, run, chances)
    happened = still_runs(process)
    lane.server.stop("immediate")
    lane.fail_over()
    lane.spent = True
    lane.repeat(run, lane.finish(process), hosts=hosts)
    return happened


# The network.


def relayed(lane, run, plan, extra=(), deadline=None):
    lane.relay.plan = plan
    process = lane.start(run, relayed=True, extra=extra, deadline=deadline)
    status = lane.finish(process)
    lane.repeat(run, status, relayed=True)
    return plan.fired


def any_byte(run, chances):
    direction = chances.choice(("up", "up", "down"))
    return direction, int(chances.random() * 1.02 * run.input.passed[direction])


def cut(lane, run, chances):
    direction, after = any_byte(run, chances)
    return relayed(lane, run, Plan("cut", direction, after))


def stall(lane, run, chances):
    direction, after = any_byte(run, chances)
    return relayed(lane, run, Plan("stall", direction, after, seconds=chances.random()))


def stall_until_deadline(lane, run, chances):
    direction, after = any_byte(run, chances)
    plan = Plan("stall", direction, after, seconds=3)
    return relayed(lane, run, plan, deadline=2)


def break_commit(lane, run, chances):
    how = chances.choice(("before", "split", "answer", "half-answer", "late"))
    extra = chances.randint(1, 400) if how == "late" else chances.randint(0, 60)
    # The first COMMIT ends the look at the tables, the second one the load.
    return relayed(lane, run, Plan("commit", after=chances.choice((1, 2, 2, 2, 2)), how=how, extra=extra))


# Shortages and limits.


def fill_disk(lane, run, chances):
    """The table's disk fills up, to a random degree."""
    if lane.disk is None:
        return None
    filler = os.path.join(lane.disk, "filler")
    with lane.server.session() as sql:
        sql.query("VACUUM (TRUNCATE) full_disk")
    size = max(0, lane.free_disk() - chances.choice((0, 0, 1, 5, 20, 100)) * 8192)
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    status = lane.finish(lane.start(run))
    if status not in (0, 10):
        raise Wrong(f"exit status {status} with a full disk")
    os.unlink(filler)
    lane.repeat(run, status)
    return status != 0


def hold_lock(lane, run, chances):
    """Somebody else has the table, and keeps it for longer than --lock-timeout."""
    table = chances.choice((run.table, "aggregator_runs"))
    mode = chances.choice(("EXCLUSIVE", "SHARE", "ACCESS EXCLUSIVE"))
    with lane.server.session() as sql:
        sql.query("BEGIN")
        sql.query(f"LOCK TABLE {table} IN {mode} MODE")
        status = lane.finish(lane.start(run, extra=("--lock-timeout", f"{chances.randint(1, 200)}ms")))
        if status != 10:
            raise Wrong(f"exit status {status} while {table} was locked")
        late = None
        if chances.random() < 0.5:
            late = lane.start(run, extra=("--lock-timeout", "30s"))
            time.sleep(chances.random() * 0.2)
        sql.query("ROLLBACK")
    lane.repeat(run, None if late is None else lane.finish(late))
    return True


def statement_timeout(lane, run, chances):
    """A limit for all statements of the user; the program lifts it where it can."""
    with lane.server.session() as sql:
        sql.query(f"ALTER ROLE loader SET statement_timeout = '{chances.randint(1, 20)}ms'")
        status = lane.finish(lane.start(run))
        sql.query("ALTER ROLE loader RESET statement_timeout")
    lane.repeat(run, status)
    return True


def fail_serialization(lane, run, chances):
    """Fails with 40001 or 40P01 at random: in the merge, or as late as COMMIT."""
    table = chances.choice((run.table, "aggregator_runs"))
    late = chances.random() < 0.5
    state = chances.choice(("40001", "40P01"))
    with lane.server.session() as sql:
        sql.query(f"SELECT setval('chances', 1); CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql "
                  f"SECURITY DEFINER AS $$ BEGIN IF nextval('chances') <= {chances.randint(2, 4)} THEN "
                  f"RAISE 'by chance' USING ERRCODE = '{state}'; END IF; RETURN NULL; END $$")
        deferred = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW" if late else "FOR EACH STATEMENT"
        sql.query(f"CREATE {'CONSTRAINT ' if late else ''}TRIGGER t AFTER INSERT OR UPDATE ON {table} "
                  f"{deferred} EXECUTE FUNCTION fail()")
        status = lane.finish(lane.start(run))
        lane.repeat(run, status)
        happened = int(sql.value("SELECT last_value FROM chances")) > 1
        sql.query("DROP FUNCTION fail() CASCADE")
    return happened


def fill_connections(lane, run, chances):
    """All of max_connections are taken."""
    held = []
    try:
        while True:
            try:
                held.append(lane.server.session())
            except PgError:
                break
        status = lane.finish(lane.start(run))
        if status != 10:
            raise Wrong(f"exit status {status} from a server without free connections")
        waiting = lane.start(run, extra=("--wait-db", "20s"))
        time.sleep(chances.random() * 0.3)
    finally:
        for session in held:
            session.close()
    lane.repeat(run, lane.finish(waiting))
    return True


KINDS = {
    "kill": (kill, 9),
    "terminate": (terminate, 5),
    "freeze": (freeze, 6),
    "twins": (twins, 6),
    "end-session": (end_session, 5),
    "cancel-statement": (cancel_statement, 4),
    "kill-backend": (kill_backend, 3),
    "freeze-backend": (freeze_backend, 3),
    "stop-at-once": (stop_at_once, 4),
    "stop-fast": (stop_fast, 4),
    "fail-over": (fail_over, 2),
    "cut": (cut, 12),
    "stall": (stall, 5),
    "stall-until-deadline": (stall_until_deadline, 2),
    "break-commit": (break_commit, 12),
    "fill-disk": (fill_disk, 5),
    "hold-lock": (hold_lock, 4),
    "statement-timeout": (statement_timeout, 3),
    "fail-serialization": (fail_serialization, 5),
    "fill-connections": (fill_connections, 2),
}


# What takes a minute, for `make faults` alone: a client that is silent keeps its claim until the
# server ends its session (idle_in_transaction_session_timeout, which the program sets to 60 s).


def silent_client(lane, run, chances):
    """The client is gone and the server is not told: COMMIT stays on the way."""
    del chances
    plan = lane.relay.plan = Plan("commit", after=2, how="late", extra=10**9)
    status = lane.finish(lane.start(run, relayed=True, extra=("--lock-timeout", "80s")))
    if status != 0:
        raise Wrong(f"exit status {status}: the claim of a silent client was not given up in time")
    return plan.fired


SLOW = {"silent-client": silent_client}
