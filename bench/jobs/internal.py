"""The internal half: a row in SQLite a job, committed as SQLite does by default."""
import os
import sqlite3

from flask import Flask, g, jsonify

app = Flask(__name__)
DATABASE = os.environ["DATABASE"]

with sqlite3.connect(DATABASE) as first:
    first.execute("CREATE TABLE IF NOT EXISTS job (id INTEGER PRIMARY KEY, status TEXT NOT NULL)")


def database():
    if "database" not in g:
        g.database = sqlite3.connect(DATABASE, timeout=30)
    return g.database


@app.teardown_appcontext
def close(_):
    if "database" in g:
        g.pop("database").close()


@app.post("/jobs")
def jobs():
    with database() as connection:
        job = connection.execute("INSERT INTO job (status) VALUES ('not started')").lastrowid
    return jsonify(id=job, status="not started"), 202
