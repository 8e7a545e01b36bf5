#!/usr/bin/python3
"""Holds the API's answers to its description (http/openapi/).

    description_test.py HTTP_TESTS         lints the description, runs that
                                           test binary and looks at every answer
    description_test.py --kept ANSWERS     the same with what a run kept that
                                           had ALULA_KEEP_ANSWERS set to that file
    from description_test import Description        for tests of a real node

A member that is not described is an error, and so are a status and a type that
are not, a route that no test has seen an answer of, and whatever OpenAPI 3.1 does
not know (openapi_rules.py). Prints `N passed, N failed`.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import openapi_rules

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PARTS = ["base", "node", "servers", "backups", "systems", "jobs", "access", "unserved"]
METHODS = {"get", "put", "post", "delete", "head", "options", "patch"}
# Routes of which the tests of the door keep no answer: who looks at them instead.
UNSEEN = {}


def merge(into, part):
    for name, value in part.items():
        if isinstance(into.get(name), dict) and isinstance(value, dict):
            merge(into[name], value)
        else:
            into[name] = value


def closed(schema):
    """The same schema, in which members that are not described are wrong."""
    if isinstance(schema, list):
        return [closed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    out = {name: closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        out["properties"] = {n: closed(s) for n, s in schema["properties"].items()}
        out.setdefault("additionalProperties", False)
    return out


class Description:
    def __init__(self, whole=None):
        import jsonschema
        self.jsonschema = jsonschema
        if whole is None:
            whole = {}
            for part in PARTS:
                merge(whole, json.loads((ROOT / f"http/openapi/{part}.json").read_text()))
        self.whole = whole
        self.strict = {**whole, "components": {**whole["components"], "schemas": closed(whole["components"]["schemas"])}}
        self.resolver = jsonschema.RefResolver("", self.strict)

    def resolve(self, thing):
        while isinstance(thing, dict) and "$ref" in thing:
            thing = self.resolver.resolve(thing["$ref"])[1]
        return thing

    def complain_about(self, method, path, status, kind, body):
        """What is wrong with an answer; None when nothing is."""
        operation = self.strict["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return "not described"
        responses = operation["responses"]
        response = responses.get(str(status))
        if response is None:
            if status < 400:
                return f"status {status} is not described"
            response = responses["default"]
        content = self.resolve(response).get("content")
        if not body or method == "HEAD":
            return None
        if not content:
            return f"a body that is not described: {body[:80]}"
        kind = kind.split(";")[0]
        if kind not in content:
            return f"type {kind or '(none)'} is not described"
        schema = closed(content[kind].get("schema", {}))
        if not kind.endswith("json") or not schema:
            return None
        validator = self.jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        best = self.jsonschema.exceptions.best_match(validator.iter_errors(json.loads(body)))
        return best and f"{best.json_path}: {best.message[:300]}"

    def complain_about_path(self, method, path, status, kind, body):
        """The same of an address: the path with the fewest variables counts."""
        for known in sorted(self.whole["paths"], key=lambda p: p.count("{")):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path):
                return self.complain_about(method, known, status, kind, body)
        return "not described"

    def lint(self):
        found, ids = [], collections.Counter()
        tags = {tag["name"] for tag in self.whole["tags"]}

        def walk(at, thing):
            if isinstance(thing, dict):
                if isinstance(thing.get("$ref"), str):
                    try:
                        self.resolver.resolve(thing["$ref"])
                    except Exception:
                        found.append(f"{at}: {thing['$ref']} leads nowhere")
                for name, value in thing.items():
                    walk(f"{at}/{name}", value)
            elif isinstance(thing, list):
                for value in thing:
                    walk(at, value)

        walk("", self.whole)
        used = json.dumps(self.whole)
        for group, things in self.whole["components"].items():
            for name in things:
                if group != "securitySchemes" and f'"#/components/{group}/{name}"' not in used:
                    found.append(f"components/{group}/{name} is not used")
        for path, operations in self.whole["paths"].items():
            wanted = {w[1:-1] for w in path.split("/") if w.startswith("{")}
            for method, operation in operations.items():
                where = f"{method.upper()} {path}"
                if method not in METHODS:
                    found.append(f"{where}: no such method")
                ids[operation.get("operationId")] += 1
                if not operation.get("summary"):
                    found.append(f"{where}: has no summary")
                if not set(operation.get("tags", [])) <= tags or not operation.get("tags"):
                    found.append(f"{where}: has no known tag")
                given = [self.resolve(p) for p in operation.get("parameters", [])]
                if {p["name"] for p in given if p["in"] == "path"} != wanted:
                    found.append(f"{where}: its path parameters are not those described")
                names = [(p["in"], p["name"]) for p in given]
                if len(set(names)) != len(names):
                    found.append(f"{where}: a parameter twice")
                if "default" not in operation["responses"]:
                    found.append(f"{where}: no default answer")
                for status, response in operation["responses"].items():
                    if not self.resolve(response).get("description"):
                        found.append(f"{where}: answer {status} has no description")
        found += openapi_rules.complaints(self.whole, self.resolve, self.jsonschema)
        found += openapi_rules.unfound_mistakes(self.jsonschema)
        found += [f"operationId {name} is used {n} times" for name, n in ids.items() if n > 1 or not name]
        for name, schema in self.whole["components"]["schemas"].items():
            self.jsonschema.Draft202012Validator.check_schema(schema)
            missing = set(schema.get("required", [])) - set(schema.get("properties", {}))
            if missing:
                found.append(f"schema {name} requires what it does not describe: {missing}")
        return found


    def complain_about_door(self, answer, seen):
        """What is wrong with an answer that no route has given, in the headers and by the list of those there are;
        adds it to those that were seen."""
        headers, body = answer["of_door"], json.loads(answer["body"])
        listed = [(one["status"], one["code"]) for one in self.whole["x-door-answers"]]
        if not headers.get("X-Request-Id"):
            yield "has no X-Request-Id"
        if answer["type"] != "application/problem+json":  # a contract of its own, without codes
            if answer["status"] not in {status for status, _ in listed}:
                yield "is not one of x-door-answers"
            return
        seen.add((answer["status"], body["code"]))
        if (answer["status"], body["code"]) not in listed:
            yield f"{body['code']} is not one of x-door-answers"
        if body["request_id"] != headers["X-Request-Id"]:
            yield "names another request than its X-Request-Id"
        if body.get("retry_after") != (int(headers["Retry-After"]) if "Retry-After" in headers else None):
            yield "has another retry_after than its Retry-After"

    def unseen_of_door(self, seen):
        for one in self.whole["x-door-answers"]:
            if (one["status"], one["code"]) not in seen:
                yield f"x-door-answers {one['status']} {one['code']}: no test has seen it"

    def unseen(self, seen):
        """Routes of which no answer was looked at, as sentences."""
        routes = {(method.upper(), path) for path, item in self.whole["paths"].items() for method in item}
        for method, path in sorted(routes - set(seen) - set(UNSEEN)):
            yield f"{method} {path}: no test has seen an answer of it"
        for method, path in sorted(set(UNSEEN) & set(seen)):
            yield f"{method} {path}: its answers are seen, so it is no exception"
        for method, path in sorted(set(UNSEEN) - routes):
            yield f"{method} {path}: is an exception, and no route"


def to_path(pattern):
    return "/".join("{" + w[1:] + "}" if w.startswith(":") else w for w in pattern.split("/"))


def main():
    try:
        description = Description()
    except ImportError:
        print("skipped: python3-jsonschema is not there")
        return 0
    wrong = description.lint()
    seen = collections.Counter()
    of_door = set()
    with tempfile.TemporaryDirectory() as directory:
        if sys.argv[1] == "--kept":
            kept, said = pathlib.Path(sys.argv[2]), "a run of them is told to"
        else:
            kept = pathlib.Path(directory) / "answers"
            said = subprocess.run([sys.argv[1], "--use-colour", "no", "[http],[page]"], capture_output=True, text=True,
                                  env={**os.environ, "ALULA_KEEP_ANSWERS": str(kept)}).stdout[-500:]
        if not kept.exists():
            wrong.append("the tests kept no answer: " + said)
        else:
            for line in kept.read_text().splitlines():
                answer = json.loads(line)
                path = to_path(answer["pattern"])
                why = description.complain_about(answer["method"], path, answer["status"], answer["type"], answer["body"])
                complaints = [why] if why else []
                if "of_door" in answer:
                    complaints += description.complain_about_door(answer, of_door)
                else:
                    seen[answer["method"], path] += 1
                wrong += [f"{answer['method']} {path} {answer['status']}: {why}" for why in complaints]
            wrong += description.unseen(seen)
            wrong += description.unseen_of_door(of_door)
    for one in sorted(set(wrong)):
        print(f"FAILED {one}")
    print(f"{sum(seen.values())} answers of {len(seen)} routes were looked at")
    print(f"{1 if not wrong else 0} passed, {len(set(wrong))} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
