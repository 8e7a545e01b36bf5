"""How a Panel refuses, and by which rules (wings-protocol 3). Standard library
only."""

import ipaddress
import re

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.I)


class Answer(Exception):
    """What a handler says instead of going on."""

    def __init__(self, status, body=None):
        super().__init__(status)
        self.status = status
        self.body = body


def problem(status, code, detail, meta=None):
    error = {"code": code, "status": str(status), "detail": detail}
    if meta:
        error["meta"] = meta
    return Answer(status, {"errors": [error]})


def not_found(what="The requested resource could not be found on the server."):
    return problem(404, "NotFoundHttpException", what)


def invalid(field, rule, detail):
    return problem(422, "ValidationException", detail,
                   {"source_field": field, "rule": rule})


def cleaned(value):
    """As the Panel's global middleware does: trimmed, empty becomes null."""
    if isinstance(value, str):
        value = value.strip()
        return value if value else None
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    if isinstance(value, dict):
        return {key: cleaned(one) for key, one in value.items()}
    return value


def is_boolean(value):
    return value in (True, False, 0, 1, "0", "1") and value is not None


def is_numeric(value):
    if isinstance(value, bool):
        return False
    try:
        float(value)
        return True
    except (TypeError, ValueError):
        return False


def is_address(value):
    try:
        ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return "%" not in value


def required_boolean(body, field):
    value = body.get(field)
    if value is None:
        raise invalid(field, "required", f"The {field} field is required.")
    if not is_boolean(value):
        raise invalid(field, "boolean",
                      f"The {field} field must be true or false.")
    return value not in (False, 0, "0")


def check_backup_report(body, good):
    for field in ("checksum", "checksum_type"):
        value = body.get(field)
        if value is None and good:
            raise invalid(field, "required_if",
                          f"The {field} field is required when successful is "
                          "true.")
        if value is not None and not isinstance(value, str):
            raise invalid(field, "string", f"The {field} must be a string.")
    size = body.get("size")
    if size is None and good:
        raise invalid("size", "required_if",
                      "The size field is required when successful is true.")
    if size is not None and not is_numeric(size):
        raise invalid("size", "numeric", "The size must be a number.")
    parts = body.get("parts")
    if parts is None:
        return
    if not isinstance(parts, list):
        raise invalid("parts", "array", "The parts must be an array.")
    for i, part in enumerate(parts):
        part = part if isinstance(part, dict) else {}
        if not isinstance(part.get("etag"), str):
            raise invalid(f"parts.{i}.etag", "required",
                          "The etag field is required.")
        if not is_numeric(part.get("part_number")):
            raise invalid(f"parts.{i}.part_number", "numeric",
                          "The part_number must be a number.")
