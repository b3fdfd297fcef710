#!/usr/bin/env python3
"""Schemas for kubeconform out of the definitions that Kubernetes and Argo publish.

    schemas.py DEFINITIONS.json DIRECTORY

Writes DIRECTORY/KIND-GROUP-VERSION.json for each kind of object, all pointing into one file of
definitions, in which an object has no fields but those it defines: the API server warns of others
and drops them, which hides a misspelt field.
"""

import json
import pathlib
import sys

ARGO = "io.argoproj.workflow.v1alpha1."
# Defined as strings, but written as numbers too.
NUMBER_OR_STRING = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    "io.k8s.apimachinery.pkg.api.resource.Quantity",
}


def strict(node):
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: strict(value) for key, value in node.items()}
    # Not of a field that is called properties.
    if isinstance(node.get("properties"), dict) and "type" in node:
        node.setdefault("additionalProperties", False)
    return node


def kinds(name, definition):
    """The objects that a definition is for, as (kind, group, version)."""
    for kind in definition.get("x-kubernetes-group-version-kind", []):
        yield kind["kind"], kind["group"], kind["version"]
    if name.startswith(ARGO) and "apiVersion" in definition.get("properties", {}):
        yield name.removeprefix(ARGO), "argoproj.io", "v1alpha1"


def main(source, directory):
    definitions = json.loads(pathlib.Path(source).read_text())["definitions"]
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, definition in definitions.items():
        for kind, group, version in kinds(name, definition):
            # As kubeconform asks for them: of a group's name only the first part.
            parts = [kind, group.split(".")[0], version] if group else [kind, version]
            schema = {"$ref": f"definitions.json#/definitions/{name}"}
            (directory / ("-".join(parts).lower() + ".json")).write_text(json.dumps(schema))
    definitions = {name: strict(definition) for name, definition in definitions.items()}
    for name in NUMBER_OR_STRING & definitions.keys():
        definitions[name] = {"type": ["string", "number"]}
    (directory / "definitions.json").write_text(json.dumps({"definitions": definitions}))


if __name__ == "__main__":
    main(*sys.argv[1:])
