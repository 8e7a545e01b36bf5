"""What makes a document one of OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0), as far
as this API's description goes: its shape as a JSON schema, and the rules that no
schema can say. Members of OpenAPI that are not listed here (callbacks, links,
path items by reference) are refused: list them when they are used.
"""

import collections
import json
import re

TEXT = {"type": "string"}
NAME = {"type": "string", "pattern": r"^[a-zA-Z0-9._-]+$"}
FLAG = {"type": "boolean"}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def shape(members, required=(), more=None):
    """An object with these members, those that begin with x-, and no others."""
    out = {"type": "object", "properties": members, "required": list(required),
           "patternProperties": {"^x-": True}, "additionalProperties": False}
    return {**out, **(more or {})}


def ref(name):
    return {"$ref": f"#/$defs/{name}"}


def map_of(what, keys=None):
    return {"type": "object", "additionalProperties": what, **({"propertyNames": keys} if keys else {})}


def or_reference(what):
    """A reference has a summary and a description beside it, and nothing else."""
    return {"if": {"type": "object", "required": ["$ref"]},
            "then": {"type": "object", "additionalProperties": False,
                     "properties": {"$ref": {"type": "string", "pattern": "^#/components/"}, "summary": TEXT, "description": TEXT}},
            "else": ref(what)}


# What a schema or a content describes: exactly one of both, and one example or
# several.
ONE_OF_BOTH = {"oneOf": [{"required": ["schema"]}, {"required": ["content"]}],
               "not": {"required": ["example", "examples"]}}
DESCRIBES = {
    "description": TEXT, "deprecated": FLAG, "schema": ref("schema"), "explode": FLAG, "example": True,
    "examples": map_of(or_reference("example")),
    "content": {**map_of(ref("media")), "minProperties": 1, "maxProperties": 1},
}
STYLES = {"path": ["matrix", "label", "simple"], "query": ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
          "header": ["simple"], "cookie": ["form"]}

DEFS = {
    "schema": {"type": ["object", "boolean"]},  # held to JSON Schema by itself
    "info": shape({"title": TEXT, "summary": TEXT, "description": TEXT, "termsOfService": TEXT, "version": TEXT,
                   "contact": shape({"name": TEXT, "url": TEXT, "email": TEXT}),
                   "license": shape({"name": TEXT, "identifier": TEXT, "url": TEXT}, ["name"],
                                    {"not": {"required": ["identifier", "url"]}})}, ["title", "version"]),
    "server": shape({"url": TEXT, "description": TEXT,
                     "variables": map_of(shape({"enum": {"type": "array", "items": TEXT, "minItems": 1}, "default": TEXT,
                                                "description": TEXT}, ["default"]))}, ["url"]),
    "docs": shape({"description": TEXT, "url": TEXT}, ["url"]),
    "tag": shape({"name": TEXT, "description": TEXT, "externalDocs": ref("docs")}, ["name"]),
    "needs": map_of({"type": "array", "items": TEXT}),  # schemes and their scopes
    "example": shape({"summary": TEXT, "description": TEXT, "value": True, "externalValue": TEXT}, (),
                     {"not": {"required": ["value", "externalValue"]}}),
    "media": shape({"schema": ref("schema"), "example": True, "examples": map_of(or_reference("example")),
                    "encoding": map_of(shape({"contentType": TEXT, "headers": map_of(or_reference("header")), "style": TEXT,
                                              "explode": FLAG, "allowReserved": FLAG}))}, (),
                   {"not": {"required": ["example", "examples"]}}),
    "header": shape({**DESCRIBES, "required": FLAG, "style": {"const": "simple"}}, (), ONE_OF_BOTH),
    "parameter": shape(
        {**DESCRIBES, "name": TEXT, "in": {"enum": list(STYLES)}, "required": FLAG, "style": TEXT,
         "allowEmptyValue": FLAG, "allowReserved": FLAG}, ["name", "in"],
        {**ONE_OF_BOTH, "allOf": [
            {"if": {"properties": {"in": {"const": "path"}}},
             "then": {"required": ["required"], "properties": {"required": {"const": True}}}},
            *({"if": {"properties": {"in": {"const": place}}}, "then": {"properties": {"style": {"enum": styles}}}}
              for place, styles in STYLES.items())]}),
    "body": shape({"description": TEXT, "content": map_of(ref("media")), "required": FLAG}, ["content"]),
    "response": shape({"description": TEXT, "headers": map_of(or_reference("header")), "content": map_of(ref("media"))},
                      ["description"]),
    "responses": {"type": "object", "minProperties": 1, "patternProperties": {"^x-": True, r"^([1-5][0-9]{2}|[1-5]XX|default)$": or_reference("response")},
                  "additionalProperties": False},
    "operation": shape({"tags": {"type": "array", "items": TEXT, "uniqueItems": True}, "summary": TEXT, "description": TEXT,
                        "externalDocs": ref("docs"), "operationId": TEXT, "deprecated": FLAG,
                        "parameters": {"type": "array", "uniqueItems": True, "items": or_reference("parameter")},
                        "requestBody": or_reference("body"), "responses": ref("responses"),
                        "security": {"type": "array", "items": ref("needs")},
                        "servers": {"type": "array", "items": ref("server")}}, ["responses"]),
    "path": shape({"summary": TEXT, "description": TEXT, "servers": {"type": "array", "items": ref("server")},
                   "parameters": {"type": "array", "uniqueItems": True, "items": or_reference("parameter")},
                   **{method: ref("operation") for method in METHODS}}),
    "scheme": {"type": "object", "required": ["type"], "oneOf": [
        shape({"type": {"const": "http"}, "scheme": TEXT, "bearerFormat": TEXT, "description": TEXT}, ["type", "scheme"]),
        shape({"type": {"const": "apiKey"}, "name": TEXT, "in": {"enum": ["query", "header", "cookie"]}, "description": TEXT},
              ["type", "name", "in"]),
        shape({"type": {"const": "mutualTLS"}, "description": TEXT}, ["type"]),
        shape({"type": {"const": "openIdConnect"}, "openIdConnectUrl": TEXT, "description": TEXT}, ["type", "openIdConnectUrl"])]},
}

DOCUMENT = shape(
    {"openapi": {"type": "string", "pattern": r"^3\.1\.[0-9]+$"}, "info": ref("info"), "jsonSchemaDialect": TEXT,
     "servers": {"type": "array", "items": ref("server")}, "externalDocs": ref("docs"),
     "paths": {"type": "object", "patternProperties": {"^/": ref("path"), "^x-": True}, "additionalProperties": False},
     "security": {"type": "array", "items": ref("needs")}, "tags": {"type": "array", "items": ref("tag")},
     "components": shape({
         "schemas": map_of(ref("schema"), NAME), "responses": map_of(or_reference("response"), NAME),
         "parameters": map_of(or_reference("parameter"), NAME), "examples": map_of(or_reference("example"), NAME),
         "requestBodies": map_of(or_reference("body"), NAME), "headers": map_of(or_reference("header"), NAME),
         "securitySchemes": map_of(or_reference("scheme"), NAME)})},
    ["openapi", "info"],
    {"anyOf": [{"required": ["paths"]}, {"required": ["components"]}],
     "$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": DEFS})


def schemas_in(thing, at=""):
    """Each schema that stands in a document of this shape, and where."""
    if isinstance(thing, list):
        for i, value in enumerate(thing):
            yield from schemas_in(value, f"{at}/{i}")
    elif isinstance(thing, dict):
        for name, value in thing.items():
            here = f"{at}/{name}"
            if name == "schema":
                yield here, value
            elif at == "/components" and name == "schemas":
                yield from ((f"{here}/{one}", schema) for one, schema in value.items())
            else:
                yield from schemas_in(value, here)


def pattern_of(path):
    """Paths that differ in the names of their variables alone are the same."""
    return re.sub(r"\{[^/{}]+\}", "{}", path)


def broken_rules(whole, resolve):
    """What a schema of the document cannot say, as sentences."""
    for path, n in collections.Counter(pattern_of(path) for path in whole.get("paths", {})).items():
        if n > 1:
            yield f"{path} is described {n} times, with other names"
    for name, n in collections.Counter(tag["name"] for tag in whole.get("tags", [])).items():
        if n > 1:
            yield f"tag {name} is described {n} times"
    schemes = set(whole.get("components", {}).get("securitySchemes", {}))
    asked = [("the whole", whole.get("security", []))]
    for path, item in whole.get("paths", {}).items():
        if re.search(r"[{}?#]", re.sub(r"\{\w+\}", "", path)):
            yield f"{path}: no address has such a path"
        for method, operation in item.items():
            where = f"{method.upper()} {path}"
            asked.append((where, operation.get("security", [])))
            # Clients leave these to the description of bodies and of security.
            for parameter in map(resolve, operation.get("parameters", [])):
                if parameter["in"] == "header" and parameter["name"].lower() in ("accept", "content-type", "authorization"):
                    yield f"{where}: the header {parameter['name']} is no parameter"
            if method == "head" and any(resolve(r).get("content") for s, r in operation["responses"].items() if s.startswith("2")):
                yield f"{where}: an answer to HEAD has no content"
    for where, needs in asked:
        for one in needs:
            for scheme in set(one) - schemes:
                yield f"{where}: needs {scheme}, which is no scheme"


def complaints(whole, resolve, jsonschema):
    """All that is wrong with it, as sentences."""
    checks = jsonschema.Draft202012Validator
    checks.check_schema(DOCUMENT)
    shapeless = False
    for error in checks(DOCUMENT).iter_errors(whole):
        shapeless = True
        best = jsonschema.exceptions.best_match([error])
        yield f"{best.json_path}: {best.message[:200]}"
    if shapeless:
        return  # what follows would fall over it
    for at, schema in schemas_in(whole):
        try:
            checks.check_schema(schema)
        except jsonschema.exceptions.SchemaError as error:
            yield f"{at}: {error.message[:200]}"
        for word in words_of(schema):
            yield f"{at}: {word} is no word of JSON Schema"
    yield from broken_rules(whole, resolve)


KEYWORDS = set("""$ref $defs $comment type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength
minLength pattern maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required dependentRequired
prefixItems items contains additionalProperties properties patternProperties dependentSchemas propertyNames if then else allOf
anyOf oneOf not unevaluatedItems unevaluatedProperties title description default deprecated readOnly writeOnly examples format
contentEncoding contentMediaType contentSchema discriminator xml externalDocs example""".split())
OF_NAMES = ("properties", "patternProperties", "$defs", "dependentSchemas")


def words_of(schema):
    """Members that a validator passes over, such as a keyword that is misspelt."""
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name not in KEYWORDS and not name.startswith("x-"):
            yield name
        if name in OF_NAMES:
            for one in value.values():
                yield from words_of(one)
        elif name in ("allOf", "anyOf", "oneOf", "prefixItems"):
            for one in value:
                yield from words_of(one)
        elif isinstance(value, dict) and name not in ("const", "default", "example", "discriminator", "xml"):
            yield from words_of(value)


# Each of these makes a good document a bad one: rules that find nothing in the
# description have to find something here.
MISTAKES = {
    "an unknown version": lambda d: d.update(openapi="3.0.3"),
    "no title": lambda d: d["info"].pop("title"),
    "a path without a slash": lambda d: d["paths"].update(things={}),
    "a method that is none": lambda d: d["paths"]["/things/{thing}"].update(fetch={"responses": {"default": {"description": "x"}}}),
    "no answers": lambda d: operation_of(d).update(responses={}),
    "a status that is none": lambda d: operation_of(d)["responses"].update({"600": {"description": "x"}}),
    "an answer without a description": lambda d: operation_of(d)["responses"].update({"204": {}}),
    "a member that is unknown": lambda d: operation_of(d).update(sumary="x"),
    "a reference with more beside it": lambda d: operation_of(d)["parameters"].append({"$ref": "#/components/parameters/A", "name": "a"}),
    "a path parameter that may be left out": lambda d: operation_of(d)["parameters"][0].update(required=False),
    "a parameter without a schema": lambda d: operation_of(d)["parameters"][0].pop("schema"),
    "a parameter with both": lambda d: operation_of(d)["parameters"][0].update(content={"text/plain": {}}),
    "a style of another place": lambda d: operation_of(d)["parameters"][0].update(style="form"),
    "a header that is the client's": lambda d: operation_of(d)["parameters"].append({"name": "Accept", "in": "header", "schema": {}}),
    "a body without content": lambda d: operation_of(d).update(requestBody={"required": True}),
    "two kinds of examples": lambda d: media_of(d).update(example=1, examples={}),
    "a type that is none": lambda d: media_of(d).update(schema={"type": "text"}),
    "a keyword that is misspelt": lambda d: media_of(d).update(schema={"type": "string", "maxLenght": 3}),
    "a name of a component with a space": lambda d: d["components"].update(schemas={"a b": {}}),
    "a scheme without a type": lambda d: d["components"]["securitySchemes"]["key"].pop("type"),
    "a scheme that is unknown": lambda d: d.update(security=[{"other": []}]),
    "the same path twice": lambda d: d["paths"].update({"/things/{other}": {}}),
    "a query in a path": lambda d: d["paths"].update({"/things?all": {}}),
    "a tag twice": lambda d: d.update(tags=[{"name": "a"}, {"name": "a"}]),
    "an answer to HEAD with content": lambda d: d["paths"]["/things/{thing}"].update(head=operation_of(d)),
}


def operation_of(document):
    return document["paths"]["/things/{thing}"]["get"]


def media_of(document):
    return operation_of(document)["responses"]["200"]["content"]["text/plain"]


def good_document():
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "security": [{"key": []}], "tags": [{"name": "a"}],
            "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
            "paths": {"/things/{thing}": {"get": {
                "parameters": [{"name": "thing", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "it", "content": {"text/plain": {"schema": {"type": "string"}}}}}}}}}


def unfound_mistakes(jsonschema):
    """Mistakes that no rule finds, and whether a good document passes."""
    good = list(complaints(good_document(), lambda thing: thing, jsonschema))
    if good:
        yield f"a good document is refused: {good}"
    for name, make in MISTAKES.items():
        document = json.loads(json.dumps(good_document()))
        make(document)
        if not list(complaints(document, lambda thing: thing, jsonschema)):
            yield f"no rule finds {name}"
