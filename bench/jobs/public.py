"""The public half of a pair as many write it: checks a token, hands the job to the internal half."""
import os

import requests
from flask import Flask, jsonify, request

app = Flask(__name__)
session = requests.Session()
INTERNAL = os.environ["INTERNAL"]


@app.get("/hello")
def hello():
    return jsonify(message="hello")


@app.post("/jobs")
def jobs():
    if request.headers.get("Authorization") != "mytoken":
        return jsonify(error="unauthorized"), 401
    answer = session.post(f"{INTERNAL}/jobs", timeout=10)
    return jsonify(answer.json()), answer.status_code
