#!/usr/bin/env python3
"""The dispatcher against an API server that lies: protocol.py DIRECTORY CASE [ARGUMENT...]

A case is a function here, of what its name says; PG* name the database, DIRECTORY is for accounts and
logs. Status 0: what must hold does.
"""
import sys
import time

from dispatch_ground import Ground, log

FLOWS = "/namespaces/jobs/workflows"
CREATE, RESUME, DELETE = f"POST .*{FLOWS}", f"PATCH .*{FLOWS}", f"DELETE .*{FLOWS}"
# What changes something. A kill between two of these is a kill before the second.
CHANGES = r"^(POST|PATCH|DELETE)|^SQL (INSERT|UPDATE|DELETE|WITH)(?!.*(jobs\.dispatcher|keep|LIMIT 500))"


def same(wanted, is_now):
    assert wanted == is_now, f"wanted {wanted!r}, is {is_now!r}"


def ends(ground, wanted, script="number", kind="scripted", seconds=20):
    """A job of that script comes to that end, and nothing is left of it."""
    job = ground.submit(script, kind)
    ground.settle(seconds)
    same(wanted, ground.outcome(job))
    ground.check()
    return job


# --- what becomes of jobs ----------------------------------------------------------------------------

def outcomes(ground, kind, *wanted):
    """Scripts and the ends of jobs that run them: "exit=failed exit"."""
    jobs = {ground.submit(script, kind): (script, end)
            for script, end in (text.split("=") for text in wanted)}
    ground.start()
    ground.settle(30)
    for job, (script, end) in jobs.items():
        log(f"{script}: {ground.outcome(job)}: {ground.row(job, 'reason')[0]}")
    same([end for _, end in jobs.values()], [ground.outcome(job) for job in jobs])
    ground.check()


def whole_log(ground):
    ground.start()
    ground.check_log(ends(ground, "finished 2.5", "two-pods"))


def half_a_log(ground):
    """A dispatcher died with half a log stored, and the next one comes when nobody waits for it any more."""
    ground.start()
    job = ground.submit("for-ever")
    ground.wait("some of its log is stored", lambda: "line 3" in ground.logs(job))
    ground.kill()
    ground.sql(f"UPDATE jobs.job SET state = 'failed', cause = 'lost' WHERE id = '{job}'")
    ground.store.delete(("workflows", "jobs", f"job-{job}-1"))
    ground.wait("its pod is gone", lambda: not ground.store.objects)
    ground.wait("it ended a while ago", lambda: ground.sql(
        f"SELECT 1 FROM jobs.job WHERE id = '{job}' AND changed_at < clock_timestamp() - interval '1.5 s'"))
    ground.start("a", "--log-after", "1s")
    ground.settle()
    same("f", ground.sql(f"SELECT complete FROM jobs.log_end WHERE job = '{job}'")[0])
    assert "line 3" in ground.logs(job)
    ground.check()


def recorded(ground):
    """A job whose number is in the record that ends its run, with a file, and pods that no Workflow owns."""
    ground.start()
    ends(ground, "finished 0.99", "recorded", "recorded")
    same(1, ground.kube.made["configmaps"])


def seen_late(ground):
    """That a Workflow was resumed is not seen: it is resumed again, with the file that it has."""
    ground.faults.add(match=f"GET .*{FLOWS}.*watch=", stream="silent", after=1)
    ground.start()
    ends(ground, "finished 0.99", "recorded", "recorded")
    same((2, 1), (ground.kube.requests["create configmaps"], ground.kube.made["configmaps"]))


def waits_its_turn(ground):
    """No more at once than was asked for."""
    ground.start("a", "--at-once", "3")
    for _ in range(12):
        ground.submit()
    most = 0
    while ground.unsettled():
        most = max(most, int(ground.sql("SELECT count(*) FROM jobs.job WHERE state IN "
                                        "('submitting', 'pending', 'running')")[0]))
    same(True, 0 < most <= 3)
    ground.check()


# --- answers of the API --------------------------------------------------------------------------------

ANSWERS = {
    "400": {"status": 400, "reason": "BadRequest"},
    "404": {"status": 404, "reason": "NotFound"},
    "409": {"status": 409, "reason": "AlreadyExists", "message": "of a quota, says the API at times"},
    "410": {"status": 410, "reason": "Expired"},
    "422": {"status": 422, "reason": "Invalid", "message": "spec.arguments: Invalid value"},
    "429": {"status": 429, "reason": "TooManyRequests", "retry_after": 1, "times": 2},
    "500": {"status": 500, "times": 2},
    "503": {"status": 503, "retry_after": 1},
    "done-500": {"status": 500, "done": True},
    "lost": {"cut": "before", "times": 2},
    "done-lost": {"cut": "after"},
    "half": {"cut": "middle"},
    "garbage": {"text": "<html>not what you asked for</html>"},
    "nothing": {"text": ""},
    "other": {"text": '{"kind": "Status", "status": "Success"}'},
    "slow": {"delay_ms": 500},
    "policy": {"status": 403, "reason": "Forbidden",
               "message": "ValidatingAdmissionPolicy 'jobs' with binding 'jobs' denied request: no"},
    "quota": {"status": 403, "reason": "Forbidden", "message": "workflows is forbidden: exceeded quota: jobs, "
              "requested: count/workflows.argoproj.io=1, used: 5, limited: 5"},
}


def answered(ground, where, wanted, *answers):
    """A request about each of some jobs is answered so; all come to the end that is wanted."""
    jobs, rules = [], []
    for what in answers:
        job = ground.submit()
        about = {"body": job} if where == "create" else {"match": ".*" + job}
        match = {"create": CREATE, "resume": RESUME, "delete": DELETE}[where] + about.pop("match", "")
        rules.append(ground.faults.add(match=match, **about, **ANSWERS[what]))
        jobs.append(job)
    ground.start()
    ground.settle(30)
    same({what: wanted for what in answers}, dict(zip(answers, [ground.outcome(job) for job in jobs])))
    ground.check()
    for rule in rules:
        assert rule.hits, f"met nothing: {rule.wanted}"


def asked_again(ground, where, *answers):
    """A list, or a watch, is answered so, while jobs run."""
    match = {"list": f"GET .*{FLOWS}\\?(?!.*watch=)", "watch": f"GET .*{FLOWS}\\?.*watch="}[where]
    for what in answers:
        rule = ground.faults.add(match=match, **ANSWERS[what])
        ground.start()
        job = ground.submit()
        ground.wait(f"a {where} is answered {what}", lambda rule=rule: rule.hits)
        ground.settle()
        same("finished 1.5", ground.outcome(job))
        ground.kill()
    ground.check()


def ours_is_there(ground):
    """409: two dispatchers make the same Workflow at once; it runs once."""
    ground.faults.add(match=CREATE, hold="before", times=2)
    job = ground.submit()
    ground.start("a")
    ground.start("b")
    assert ground.faults.wait_held(2)
    ground.faults.release()
    ground.settle()
    same("finished 1.5", ground.outcome(job))
    same((1, 1), (ground.kube.requests["get workflows"], len(ground.kube.created)))
    ground.check()


def foreign_is_there(ground):
    """409: somebody else's Workflow has the name. It is left alone."""
    ground.faults.add(match=CREATE, hold="before")
    job = ground.submit()
    ground.start()
    assert ground.faults.wait_held()
    name = f"job-{job}-1"
    ground.store.create(("workflows", "jobs", name), {"metadata": {"name": name}, "spec": {"suspend": True}})
    ground.faults.release()
    ground.wait("an end", lambda: ground.state(job) in ("failed", "finished"))
    same("failed conflict", ground.outcome(job))
    time.sleep(0.5)
    same([f"workflows/jobs/{name}"], ground.kube.state()["names"])


def one_that_fails(ground):
    """A job for which the API always fails holds up no other."""
    bad = [ground.submit() for _ in range(3)]
    for job in bad:
        ground.faults.add(match=CREATE, body=job, status=500, times=0)
    ground.start()
    good = [ground.submit() for _ in range(12)]
    ground.wait("the others end", lambda: all(ground.state(job) == "finished" for job in good))
    ground.faults.clear()
    ground.settle(30)
    same({"finished 1.5"}, {ground.outcome(job) for job in bad})
    ground.check()


def away(ground):
    """The API does not answer at all, for a while; nor does the database."""
    ground.start()
    first = ground.submit()
    rules = [ground.faults.add(match=match, cut="before", times=0) for match in ("GET|POST|PATCH|DELETE", "SQL")]
    ground.kube.close_all()
    second = ground.submit()
    ground.wait("both were asked", lambda: all(rule.hits > 1 for rule in rules))
    ground.faults.clear()
    ground.settle(40)
    same(["finished 1.5"] * 2, [ground.outcome(job) for job in (first, second)])
    ground.check()


def token_renewed(ground):
    """The account's token changes: the next request has the new one."""
    ground.start()
    ends(ground, "finished 1.5")
    ground.kube.token = "another"
    ground.kube.put("token", "another")
    ground.kube.close_all()
    ends(ground, "finished 1.5")


# --- watches -------------------------------------------------------------------------------------------

def streams(ground, source, *ways):
    """Watches go wrong in each way, twice, while jobs run."""
    ground.start()
    for what in ways:
        rule = ground.faults.add(match=f"GET .*/namespaces/jobs/{source}\\?.*watch=", stream=what, after=1,
                                 times=1 if what == "silent" else 2)
        ground.kube.close_all()
        jobs = [ground.submit(script) for script in ("number", "exit")]
        ground.wait(f"a watch goes wrong: {what}", lambda rule=rule: rule.hits)
        ground.settle()
        same(["finished 1.5", "failed exit"], [ground.outcome(job) for job in jobs])
    ground.check()


def compacted(ground, how):
    """Versions grow too old, again and again: told by a status, or within the stream."""
    if how == "status":
        ground.faults.add(match="watch=", status=410, reason="Expired", nth=5, times=0, chance=0.3)
    ground.start()
    for _ in range(4):
        job = ground.submit("two-pods")
        while ground.state(job) not in ("finished", "failed"):
            ground.store.compact()
            if how == "event":
                ground.kube.close_all()
            time.sleep(0.1)
        same("finished 2.5", ground.outcome(job))
    ground.settle()
    ground.check()


def forgotten(ground, times, wanted):
    """A Workflow is not there any more, and no watch told: the job is tried again, three times at most."""
    ground.start()
    job = ground.submit("for-ever")
    for attempt in range(1, int(times) + 1):
        name = f"job-{job}-{attempt}"
        ground.wait(f"attempt {attempt} runs", lambda name=name: any(
            play.key[2] == name and play.ran for play in ground.argo.plays.values()), 30)
        if attempt == int(times) and times != "3":
            ground.argo.scripts["for-ever"] = ground.argo.scripts["number"]
        ground.store.forget(("workflows", "jobs", name))
    ground.settle(40)
    same(wanted, ground.outcome(job))
    ground.check()


# --- crashes -------------------------------------------------------------------------------------------

def meanwhile(ground, job):
    """What comes late comes after the job's end, or once nobody goes on without it."""
    end = time.monotonic() + 0.7
    while time.monotonic() < end and ground.state(job) != "finished":
        time.sleep(0.02)


def crashes(ground, mode, script="number", wanted="finished 1.5", kind="scripted"):
    """Killed at every change it makes, of cluster and database, one after the other.

    before   the change was never made
    after    it was made, and nobody got the answer
    late     it is made while the next dispatcher is at work already
    twos     nobody is killed: it comes late, when a second dispatcher has done the work
    cancel   nobody is killed: the job is cancelled at that moment
    """
    ground.start()
    if mode == "twos":
        ground.start("b")
    step = 0
    while True:
        step += 1
        ground.faults.add(match=CHANGES, nth=step, hold="after" if mode == "after" else "before")
        job = ground.submit(script, kind)
        ground.wait("a change or the end", lambda: ground.faults.held or not ground.unsettled(), 30)
        if not ground.faults.held:
            break
        log(f"step {step}: {ground.faults.held[0].asked[:100]}")
        if mode in ("before", "after"):
            ground.kill()
            ground.faults.release(drop=mode == "before")
            ground.start()
        elif mode == "late":
            ground.kill()
            ground.start()
            meanwhile(ground, job)
            ground.faults.release()
        elif mode == "twos":
            meanwhile(ground, job)
            ground.faults.release()
        else:
            ground.cancel(job)
            ground.faults.release()
        ground.settle(30)
        if mode == "cancel":
            assert ground.outcome(job) in (wanted, "cancelled"), ground.outcome(job)
        else:
            same(wanted, ground.outcome(job))
        ground.check()
        ground.faults.clear()
    ground.check()
    assert step > 6, f"only {step - 1} changes"
    log(f"{step - 1} changes")


def main():
    directory, case, *arguments = sys.argv[1:]
    ground = Ground(directory)
    try:
        globals()[case](ground, *arguments)
    except AssertionError:
        log(ground.describe())
        raise
    finally:
        ground.close()


if __name__ == "__main__":
    main()
