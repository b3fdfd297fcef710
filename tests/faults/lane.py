"""A lane: a server of its own, what its tables must hold, and the program under test."""
import os
import shutil
import signal
import subprocess
import time

from relay import Plan, Relay
from wire import PgError, Session

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = os.path.join(HERE, "..", "..", "local", "postgres.sh")
BUILD = os.environ.get("BUILD", os.path.join(HERE, "..", "..", "build"))
AGGREGATOR = os.path.join(BUILD, "aggregator")
RUN_SECONDS = 90  # no run may take longer
QUIET_SECONDS = 20  # until nothing of a run is left on the server
ATTEMPTS = 12
RETRIED = (10, 11, -signal.SIGKILL, -signal.SIGTERM)
TABLES = {"session_duration": "", "full_disk": "--table full_disk"}
DISK_BYTES = 48 << 20


class Wrong(Exception):
    """A promise that was not kept."""


def wait_for(what, seconds, condition):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise Wrong(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def server_sh(*arguments):
    subprocess.run(
        [SERVER, *arguments],
        check=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


class Server:
    def __init__(self, directory, *options):
        self.directory = directory
        server_sh("start", directory, "--fast", *options)
        with open(os.path.join(directory, "env")) as file:
            self.env = dict(
                line[len("export ") :].rstrip("\n").split("=", 1)
                for line in file
                if line.startswith("export ")
            )
        self.port = int(self.env["PGPORT"])
        self.sockets = self.env["PG_SOCKET_DIR"]
        rules = os.path.join(directory, "data", "pg_hba.conf")
        with open(rules) as file:
            kept = file.read()
        with open(rules, "w") as file:
            file.write("local all all trust\nlocal replication all trust\n" + kept)
        self.stop("fast")
        self.start()

    def start(self):
        server_sh("start", self.directory)

    def stop(self, mode):
        server_sh("stop", self.directory, mode)

    def session(self, database="postgres"):
        return Session(self.sockets, self.port, database)

    def postmaster(self):
        with open(os.path.join(self.directory, "data", "postmaster.pid")) as file:
            return int(file.readline())


class Lane:
    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        os.chmod(directory, 0o755)
        self.work = os.path.join(directory, "work")
        os.makedirs(self.work)
        self.server = Server(os.path.join(directory, "a"))
        self.standby, self.spent = None, False
        self.disk = os.path.join(directory, "disk")
        self.expected = {table: {} for table in TABLES}
        self.set_up()
        self.relay = Relay(self.server.port)

    # The server.

    def set_up(self):
        """The tables and the role that --init-sql makes, and a user with just that role."""
        has_disk = self.mount_disk()
        script = ""
        for options in TABLES.values():
            script += subprocess.run(
                [AGGREGATOR, "--init-sql", *options.split()], check=True, capture_output=True, text=True
            ).stdout
        with self.server.session() as sql:
            for statement in script.replace("BEGIN;\n", "").replace("COMMIT;\n", "").split(";\n\n"):
                sql.query(statement)
            sql.query("CREATE ROLE loader LOGIN PASSWORD 'loader' IN ROLE aggregator")
            sql.query("CREATE SEQUENCE chances")
            sql.query("GRANT USAGE ON SEQUENCE chances TO loader")
            if has_disk:
                sql.query(f"CREATE TABLESPACE disk LOCATION '{self.disk}/space'")
                sql.query("ALTER TABLE full_disk SET TABLESPACE disk")
                sql.query("ALTER INDEX full_disk_pkey SET TABLESPACE disk")
            else:
                self.disk = None

    def mount_disk(self):
        """A disk that is small enough to be filled; False without the right to mount one."""
        os.makedirs(self.disk)
        size = f"size={DISK_BYTES}"
        mounted = os.geteuid() == 0 and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", self.disk], stderr=subprocess.DEVNULL
        ).returncode
        if mounted:
            os.makedirs(os.path.join(self.disk, "space"))
            owner = os.stat(os.path.join(self.server.directory, "data"))
            for name in ("", "space"):
                os.chown(os.path.join(self.disk, name), owner.st_uid, owner.st_gid)
        return mounted

    def free_disk(self):
        return shutil.disk_usage(self.disk).free

    def close(self):
        for server in filter(None, (self.server, self.standby)):
            server.stop("immediate")
        if self.disk:
            subprocess.run(["umount", self.disk], check=False)

    def add_standby(self):
        """A second server that has every commit of the first before it is answered."""
        self.standby = Server(os.path.join(self.directory, "b"))
        self.standby.stop("fast")
        data, space = (os.path.join(self.standby.directory, name) for name in ("data", "space"))
        owner = os.stat(data)
        shutil.rmtree(data)
        for name in (data, space):
            os.mkdir(name, 0o700)
            os.chown(name, owner.st_uid, owner.st_gid)
        with open(os.path.join(self.server.directory, "state")) as file:
            programs = next(line for line in file if line.startswith("bin=")).strip()[4:]
        run_as = []
        if os.geteuid() == 0:
            run_as = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
        mapped = ["-T", f"{self.disk}/space={space}"] if self.disk else []
        subprocess.run(
            [*run_as, f"{programs}/pg_basebackup", "-h", self.server.sockets, "-p", str(self.server.port),
             "-U", "postgres", "-D", data, "-R", "-c", "fast", *mapped],
            check=True, timeout=60, cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
        )
        self.standby.start()
        with self.server.session() as sql:
            sql.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
            sql.query("SELECT pg_reload_conf()")
            wait_for(
                "the standby", 30,
                lambda: sql.value("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1",
            )

    def fail_over(self):
        """The standby takes over; what was the primary is gone."""
        with self.standby.session() as sql:
            sql.query("SELECT pg_promote()")
            sql.query("ALTER SYSTEM RESET synchronous_standby_names")
        self.server, self.standby = self.standby, self.server
        self.relay.server_port = self.server.port

    # Runs of the program.

    def start(self, run, relayed=False, extra=(), deadline=None, hosts=None, by_socket=False,
              program=AGGREGATOR, environment=None, **how):
        """One attempt at the run, in the background."""
        hosts = hosts or [self.relay.port if relayed else self.server.port]
        where = ",".join(f"127.0.0.1:{port}" for port in hosts)
        options = "sslmode=disable"
        if by_socket:
            where, options = f":{self.server.port}", f"host={self.server.sockets}"
        env = {"DB_PASSWORD": "loader", "TMPDIR": self.work, "AGGREGATOR_LOG_FORMAT": "text", **(environment or {})}
        if deadline is not None:
            env["ARGO_DEADLINE"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + deadline))
        return subprocess.Popen(
            [
                program, "--dsn", f"postgresql://loader@{where}/postgres?{options}", "--create", "never",
                "--run-id", run.name, "--shard", f"{run.shard}/{run.shards}", "--report", f"{self.work}/report.json",
                "--outputs", f"{self.work}/outputs", *run.options, *extra, run.input.path,
            ],
            env=env, cwd=self.work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, **how,
        )

    def finish(self, process):
        """The exit status, which must be one that Argo knows what to do with."""
        try:
            _, said = process.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
            raise Wrong(f"a run took more than {RUN_SECONDS} s: {said}") from None
        if process.returncode not in (0, *RETRIED):
            raise Wrong(f"exit status {process.returncode}: {said}")
        return process.returncode

    def repeat(self, run, status=None, **how):
        """As Argo does: again while the exit status says so."""
        for _ in range(ATTEMPTS):
            if status == 0:
                return
            if status is not None:
                time.sleep(0.05)
            status = self.finish(self.start(run, **how))
        if status != 0:
            raise Wrong(f"not done after {ATTEMPTS} attempts: exit status {status}")

    # What must hold.

    def count(self, run):
        """The run is done: from here on its totals belong to what is expected."""
        table = self.expected[run.table]
        for key, value in run.input.sums.items():
            table[key] = table.get(key, 0) + value

    def check(self, runs):
        self.relay.plan = Plan()
        with self.server.session() as sql:
            wait_for("sessions of the program left", QUIET_SECONDS, lambda: sql.value(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'loader'") == "0")
            for run in runs:
                rows = sql.query(
                    "SELECT shard, shards, input_digest <> '', keys FROM aggregator_runs "
                    f"WHERE run_id = '{run.name}' AND shard = {run.shard} AND target LIKE '%.{run.table}(%'")
                wanted = [[str(run.shard), str(run.shards), "t", str(len(run.input.sums))]]
                if rows != wanted:
                    raise Wrong(f"the ledger says {rows} of {run}, not {wanted}")
            for table in {run.table for run in runs}:
                rows = sql.query(f'SELECT "userId", "sessionDuration" FROM {table}')
                got = {key: int(value) for key, value in rows}
                if got != self.expected[table]:
                    total, wanted = sum(got.values()), sum(self.expected[table].values())
                    raise Wrong(f"{table}: {len(got)} keys, {total}; expected "
                                f"{len(self.expected[table])} keys, {wanted}")
            # A session that ended without notice drops its temporary tables, but not at once.
            wait_for("staging tables left", QUIET_SECONDS, lambda: sql.value(
                "SELECT count(*) FROM pg_class WHERE relname = 'aggregator_staging'") == "0")
            locks = sql.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            if locks != "0":
                raise Wrong(f"{locks} advisory locks left")
        left = set(os.listdir(self.work)) - {"report.json", "outputs"}
        left |= {name for name in self.listing("outputs") if name.endswith(".tmp") or name[0] == "."}
        if left:
            raise Wrong(f"files left: {sorted(left)}")

    def listing(self, name):
        path = os.path.join(self.work, name)
        return os.listdir(path) if os.path.isdir(path) else []

    def server_is_up(self):
        try:
            with self.server.session():
                return True
        except (OSError, PgError):
            return False
