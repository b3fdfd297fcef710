#!/usr/bin/env python3
"""Schemas for kubeconform out of the definitions that Kubernetes, Argo and others publish.

    schemas.py DEFINITIONS.json DIRECTORY
    schemas.py RESOURCES DIRECTORY       RESOURCES is a directory of CustomResourceDefinitions, *-crd.json

Writes DIRECTORY/KIND-GROUP-VERSION.json for each kind of object, of DEFINITIONS.json all pointing
into one file of definitions. An object has no fields but those it defines: the API server warns of
others and drops them, which hides a misspelt field.
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


def file_name(kind, group, version):
    # As kubeconform asks for them: of a group's name only the first part.
    parts = [kind, group.split(".")[0], version] if group else [kind, version]
    return "-".join(parts).lower() + ".json"


def from_resources(source, directory):
    for file in source.glob("*-crd.json"):
        spec = json.loads(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            name = file_name(spec["names"]["kind"], spec["group"], version["name"])
            (directory / name).write_text(json.dumps(schema))


def from_definitions(source, directory):
    definitions = json.loads(source.read_text())["definitions"]
    for name, definition in definitions.items():
        for kind, group, version in kinds(name, definition):
            schema = {"$ref": f"definitions.json#/definitions/{name}"}
            (directory / file_name(kind, group, version)).write_text(json.dumps(schema))
    definitions = {name: strict(definition) for name, definition in definitions.items()}
    for name in NUMBER_OR_STRING & definitions.keys():
        definitions[name] = {"type": ["string", "number"]}
    (directory / "definitions.json").write_text(json.dumps({"definitions": definitions}))


def main(source, directory):
    source, directory = pathlib.Path(source), pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (from_resources if source.is_dir() else from_definitions)(source, directory)


if __name__ == "__main__":
    main(*sys.argv[1:])
