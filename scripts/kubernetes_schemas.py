"""Writes a strict JSON schema for each kind of Kubernetes: kubernetes_schemas.py SOURCE OUT."""
import json
import os
import sys

source, out = sys.argv[1:]
with open(os.path.join(source, "api/openapi-spec/swagger.json")) as f:
    definitions = json.load(f)["definitions"]


def strict(schema):
    """The schema, with no fields but those it names, and null for none."""
    if isinstance(schema, list):
        return [strict(x) for x in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {k: strict(v) for k, v in schema.items() if not k.startswith("x-kubernetes-")}
    if schema.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def references(schema):
    if isinstance(schema, list):
        for x in schema:
            yield from references(x)
    elif isinstance(schema, dict):
        for k, v in schema.items():
            if k == "$ref" and isinstance(v, str):
                yield v.rsplit("/", 1)[1]
            else:
                yield from references(v)


kinds = {name: d.get("x-kubernetes-group-version-kind", []) for name, d in definitions.items()}
definitions = {name: strict(d) for name, d in definitions.items()}
definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
os.makedirs(out)
for name, list_ in kinds.items():
    if len(list_) != 1:  # what belongs to every group, such as DeleteOptions
        continue
    used, found = {}, [name]
    while found:
        n = found.pop()
        if n not in used:
            used[n] = definitions[n]
            found += references(definitions[n])
    group, version, kind = (list_[0][k] for k in ("group", "version", "kind"))
    suffix = "-".join(x for x in (group.split(".")[0], version) if x)
    with open(os.path.join(out, f"{kind.lower()}-{suffix}.json"), "w") as f:
        json.dump({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": f"#/definitions/{name}", "definitions": used}, f)
