#!/usr/bin/python3
"""What promtool can read of workflows/monitoring: monitoring.py DIRECTORY.

Writes DIRECTORY/alerts.yaml, the groups of the PrometheusRule, and DIRECTORY/dashboard.yaml, a rule
for each expression of the dashboard.
"""

import json
import pathlib
import sys

import yaml

SOURCE = pathlib.Path("workflows/monitoring")


def expressions(panels):
    for panel in panels:
        for target in panel["targets"]:
            # As Grafana fills it in for "All".
            yield panel["title"], target["expr"].replace("$namespace", ".*")


def main(directory):
    to = pathlib.Path(directory)
    to.mkdir(parents=True, exist_ok=True)
    alerts = yaml.safe_load((SOURCE / "alerts.yaml").read_text())
    (to / "alerts.yaml").write_text(yaml.safe_dump(alerts["spec"]))
    dashboard = json.loads((SOURCE / "dashboard.json").read_text())
    rules = [{"record": f"panel_{number}", "expr": expr, "labels": {"title": title}}
             for number, (title, expr) in enumerate(expressions(dashboard["panels"]))]
    groups = {"groups": [{"name": "dashboard", "rules": rules}]}
    (to / "dashboard.yaml").write_text(yaml.safe_dump(groups))


if __name__ == "__main__":
    main(*sys.argv[1:])
