"""What a Panel does with an object store (wings-protocol 3.8): begins an upload
at every question for URLs and forgets the one before, signs the URLs, completes
or aborts when it is told the outcome. Standard library only."""

import datetime
import hashlib
import hmac
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml


class Refused(Exception):
    pass


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _quote(text):
    return urllib.parse.quote(text, safe="-_.~")


class Bucket:
    """`given`: endpoint, region, bucket, key, secret, a prefix of all keys, and
    seconds that URLs last."""

    def __init__(self, given):
        self.given = given
        self.endpoint = given["endpoint"].rstrip("/")
        self.host = urllib.parse.urlsplit(self.endpoint).netloc
        self.lasts = int(given.get("seconds", 3600))

    def _signature(self, method, path, query, headers, payload, now):
        day = now.strftime("%Y%m%d")
        region = self.given.get("region", "us-east-1")
        scope = f"{day}/{region}/s3/aws4_request"
        names = ";".join(sorted(headers))
        canonical = "\n".join([
            method, path, query,
            "".join(f"{n}:{headers[n]}\n" for n in sorted(headers)), names,
            payload])
        text = "\n".join(["AWS4-HMAC-SHA256", now.strftime("%Y%m%dT%H%M%SZ"),
                          scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.given["secret"]).encode()
        for step in (day, region, "s3", "aws4_request"):
            key = _hmac(key, step)
        return scope, names, hmac.new(key, text.encode(),
                                      hashlib.sha256).hexdigest()

    def _path(self, key):
        path = f"/{self.given['bucket']}"
        if key:
            path += f"/{self.given.get('prefix', '')}{key}"
        return urllib.parse.quote(path, safe="/-_.~")

    @staticmethod
    def _query(pairs):
        return "&".join(f"{_quote(k)}={_quote(v)}" for k, v in sorted(
            (str(k), str(v)) for k, v in pairs.items()))

    def call(self, method, key, query=None, body=b"", headers=None):
        now = datetime.datetime.utcnow()
        path, text = self._path(key), self._query(query or {})
        payload = hashlib.sha256(body).hexdigest()
        signed = {"host": self.host, "x-amz-content-sha256": payload,
                  "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
                  **(headers or {})}
        scope, names, value = self._signature(method, path, text, signed,
                                              payload, now)
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.given['key']}/{scope}, "
            f"SignedHeaders={names}, Signature={value}")
        request = urllib.request.Request(
            self.endpoint + path + ("?" + text if text else ""),
            data=body if method in ("POST", "PUT") else None, method=method,
            headers=signed)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            raise Refused(f"{error.code} {error.read()[:300]!r}") from error
        except OSError as error:
            raise Refused(str(error)) from error

    def presign(self, method, key, query=None, seconds=None, ago=0):
        """As it was signed so many seconds ago."""
        now = datetime.datetime.utcnow() - datetime.timedelta(seconds=ago)
        region = self.given.get("region", "us-east-1")
        pairs = dict(query or {})
        pairs.update({
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.given['key']}/"
                                f"{now.strftime('%Y%m%d')}/{region}/s3/"
                                "aws4_request",
            "X-Amz-Date": now.strftime("%Y%m%dT%H%M%SZ"),
            "X-Amz-Expires": str(seconds or self.lasts),
            "X-Amz-SignedHeaders": "host"})
        path, text = self._path(key), self._query(pairs)
        _, _, value = self._signature(method, path, text, {"host": self.host},
                                      "UNSIGNED-PAYLOAD", now)
        return f"{self.endpoint}{path}?{text}&X-Amz-Signature={value}"

    @staticmethod
    def _find(text, name):
        for node in xml.fromstring(text).iter():
            if node.tag.rpartition("}")[2] == name:
                return node.text
        return None

    def begin(self, key):
        text, _ = self.call("POST", key, {"uploads": ""},
                            headers={"content-type": "application/x-gzip"})
        return self._find(text, "UploadId")

    def abort(self, key, upload):
        self.call("DELETE", key, {"uploadId": upload})

    def complete(self, key, upload, parts):
        """`parts` as they are: a wrong order is the node's mistake."""
        numbers = [int(p["part_number"]) for p in parts]
        if numbers != sorted(numbers):
            raise Refused("the parts are not in order")
        body = "<CompleteMultipartUpload>" + "".join(
            f"<Part><PartNumber>{p['part_number']}</PartNumber>"
            f"<ETag>{p['etag']}</ETag></Part>" for p in parts
        ) + "</CompleteMultipartUpload>"
        text, _ = self.call("POST", key, {"uploadId": upload}, body.encode())
        if b"<Error>" in text:
            raise Refused(text[:300].decode(errors="replace"))

    def size(self, key):
        _, headers = self.call("HEAD", key)
        return int(headers.get("Content-Length", headers.get("content-length",
                                                             -1)))

    def open_uploads(self):
        text, _ = self.call("GET", "", {"uploads": ""})
        return [node.findtext("{*}Key") for node in xml.fromstring(text).iter()
                if node.tag.rpartition("}")[2] == "Upload"]
