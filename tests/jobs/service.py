"""A private PostgreSQL with the jobs' schema and an api beside it, for programs that test or measure."""
import os
import socket
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
JOB_SERVICE = str(TOP / "build/job_service")
POSTGRES = str(TOP / "local/postgres.sh")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("PG", "DB_", "JOB_SERVICE_"))}


class Service:
    """In directory `work`, which others may enter. Its owners have no limits that matter."""

    def __init__(self, work, owners, *options):
        self.options = options  # of the api
        self.db = f"{work}/db"
        self.log = open(f"{work}/log", "wb")
        self.start_postgres()
        text = subprocess.run(["bash", "-c", f". {self.db}/env && env -0"], env=clean_environment(), check=True,
                              capture_output=True).stdout.decode()
        self.env = dict(line.split("=", 1) for line in text.split("\0") if line)
        script = subprocess.run([JOB_SERVICE, "--init-sql"], check=True, capture_output=True).stdout.decode()
        self.sql(script + "ALTER ROLE jobs_api PASSWORD 'api'; ALTER ROLE jobs_dispatch PASSWORD 'dispatch';")
        self.tokens = [self.new_owner(f"owner{number}") for number in range(owners)]
        self.port = free_port()
        self.start_api()

    def new_owner(self, name):
        """Makes the owner and returns a token of it."""
        many = ["--per-minute", "1000000000", "--active", "1000000000", "--per-day", "1000000000"]
        subprocess.run([JOB_SERVICE, "owner", "create", name, *many], env=self.env, check=True)
        return subprocess.run([JOB_SERVICE, "token", "create", name], env=self.env, check=True,
                              capture_output=True).stdout.decode().strip()

    def sql(self, text):
        return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=text.encode(), env=self.env,
                              check=True, capture_output=True).stdout.decode()

    def start_postgres(self):
        subprocess.run([POSTGRES, "start", self.db], check=True, stdout=self.log, stderr=self.log)

    def kill_postgres(self, check=True):
        subprocess.run([POSTGRES, "stop", self.db, "immediate"], check=check, stdout=self.log, stderr=self.log)

    def start_api(self):
        env = {**self.env, "PGUSER": "jobs_api", "PGPASSWORD": "api"}
        self.api = subprocess.Popen([JOB_SERVICE, "api", "--listen", f"127.0.0.1:{self.port}", *self.options],
                                    env=env, stdout=self.log, stderr=self.log)

    def kill_api(self):
        self.api.kill()
        self.api.wait()

    def end(self):
        self.api.terminate()
        self.api.wait()
        self.kill_postgres(check=False)
        self.log.close()
