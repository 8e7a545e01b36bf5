"""A bucket beside a node that crashes. The real one that scripts/with-s3 has
started, when there is one; else one in this process, which keeps what S3 keeps
and believes every signature: fast enough for every point there is."""

import hashlib
import os
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

from doubles import panel_s3


class Memory:
    def __init__(self):
        self.lock = threading.RLock()
        self.objects = {}  # key → bytes, ETag
        self.uploads = {}  # id → key, {number: bytes}
        self.last = 0


def digest(data):
    return hashlib.md5(data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code):
        self.answer(status, f"<Error><Code>{code}</Code></Error>".encode())

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        _, _, key = urllib.parse.unquote(url.path)[1:].partition("/")
        length = self.headers.get("Content-Length")
        if self.command in ("PUT", "POST") and length is None:
            return self.refuse(411, "MissingContentLength")
        body = self.rfile.read(int(length or 0))
        if len(body) < int(length or 0):
            return None  # the node died while it sent
        with self.server.memory.lock:
            return getattr(self, self.command.lower())(
                self.server.memory, key, query, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def put(self, memory, key, query, body):
        if "uploadId" not in query:
            memory.objects[key] = (body, digest(body))
            return self.answer(200, ETag=f'"{digest(body)}"')
        upload = memory.uploads.get(query["uploadId"])
        if not upload or upload[0] != key:
            return self.refuse(404, "NoSuchUpload")
        upload[1][int(query["partNumber"])] = body
        return self.answer(200, ETag=f'"{digest(body)}"')

    def post(self, memory, key, query, body):
        if "uploads" in query:
            memory.last += 1
            memory.uploads[f"u{memory.last}"] = (key, {})
            return self.answer(
                200, b"<InitiateMultipartUploadResult><UploadId>u%d</UploadId>"
                     b"</InitiateMultipartUploadResult>" % memory.last)
        upload = memory.uploads.get(query["uploadId"])
        if not upload:
            return self.refuse(404, "NoSuchUpload")
        parts = re.findall(rb"<PartNumber>(\d+)</PartNumber>\s*"
                           rb"<ETag>(.*?)</ETag>", body)
        data = b""
        for number, etag in parts:
            part = upload[1].get(int(number))
            if part is None or digest(part).encode() not in etag:
                return self.refuse(400, "InvalidPart")
            data += part
        memory.objects[key] = (data, f"{digest(data)}-{len(parts)}")
        del memory.uploads[query["uploadId"]]
        return self.answer(200, b"<CompleteMultipartUploadResult/>")

    def get(self, memory, key, query, _body):
        if "uploadId" in query:
            upload = memory.uploads.get(query["uploadId"])
            if not upload:
                return self.refuse(404, "NoSuchUpload")
            return self.answer(200, ("<ListPartsResult>" + "".join(
                f"<Part><PartNumber>{n}</PartNumber><Size>{len(p)}</Size>"
                f"<ETag>{digest(p)}</ETag></Part>"
                for n, p in sorted(upload[1].items())
            ) + "</ListPartsResult>").encode())
        if not key and "uploads" in query:
            return self.answer(200, (
                "<ListMultipartUploadsResult>" + "".join(
                    f"<Upload><Key>{escape(k)}</Key><UploadId>{i}</UploadId>"
                    "</Upload>" for i, (k, _) in memory.uploads.items()
                    if k.startswith(query.get("prefix", ""))
                ) + "</ListMultipartUploadsResult>").encode())
        if not key and query.get("list-type") == "2":
            return self.list(memory, query)
        if key not in memory.objects:
            return self.refuse(404, "NoSuchKey")
        data, etag = memory.objects[key]
        wanted = self.headers.get("If-Match", "").strip('"')
        if wanted and wanted != etag:
            return self.refuse(412, "PreconditionFailed")
        headers = {"ETag": f'"{etag}"', "Content_Type": "application/x-gzip"}
        match = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not match or (self.headers.get("If-Range", f'"{etag}"')
                         != f'"{etag}"'):
            return self.answer(200, data, **headers)
        first = int(match[1])
        last = min(int(match[2] or len(data) - 1), len(data) - 1)
        if first >= len(data):
            return self.refuse(416, "InvalidRange")
        return self.answer(206, data[first:last + 1], **headers,
                           Content_Range=f"bytes {first}-{last}/{len(data)}")

    def list(self, memory, query):
        keys = sorted((k for k in memory.objects
                       if k.startswith(query.get("prefix", ""))
                       and k.encode() > query.get("start-after", "").encode()),
                      key=str.encode)
        most = int(query.get("max-keys", 1000))
        return self.answer(200, (
            "<ListBucketResult>"
            f"<IsTruncated>{str(len(keys) > most).lower()}</IsTruncated>"
            + "".join(
                f"<Contents><Key>{escape(k)}</Key>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                f"<ETag>&quot;{memory.objects[k][1]}&quot;</ETag>"
                f"<Size>{len(memory.objects[k][0])}</Size></Contents>"
                for k in keys[:most])
            + "</ListBucketResult>").encode())

    def head(self, memory, key, _query, _body):
        if key not in memory.objects:
            return self.refuse(404, "NoSuchKey")
        data, etag = memory.objects[key]
        return self.answer(200, ETag=f'"{etag}"',
                           Content_Length=str(len(data)))

    def delete(self, memory, key, query, _body):
        if "uploadId" in query:
            if not memory.uploads.pop(query["uploadId"], None):
                return self.refuse(404, "NoSuchUpload")
        else:
            memory.objects.pop(key, None)
        return self.answer(204)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # the node died


class Store:
    """What the node and its Panel are told of it. The node may have two stores
    there, which know nothing of each other."""

    def __init__(self, prefix, stores=1):
        self.server = None
        self.prefix = prefix  # of the node's own keys
        self.prefixes = {"offsite": prefix, "archive": f"{prefix}/archive"}
        if stores < 2:
            del self.prefixes["archive"]
        self.given = {
            "endpoint": os.environ.get("ALULA_S3_ENDPOINT"),
            "region": os.environ.get("ALULA_S3_REGION", "us-east-1"),
            "bucket": os.environ.get("ALULA_S3_BUCKET", "bucket"),
            "key": os.environ.get("ALULA_S3_KEY", "key"),
            "secret": os.environ.get("ALULA_S3_SECRET", "secret")}
        if not self.given["endpoint"]:
            self.server = Server(("127.0.0.1", 0), Handler)
            self.server.memory = Memory()
            self.given["endpoint"] = \
                f"http://127.0.0.1:{self.server.server_address[1]}"
            threading.Thread(target=self.server.serve_forever,
                             daemon=True).start()
        self.bucket = panel_s3.Bucket(self.given)

    def config(self):
        """The lines of a config.yml that name it."""
        return "stores:\n" + "".join(f"""\
  {name}:
    endpoint: {self.given['endpoint']}
    region: {self.given['region']}
    bucket: {self.given['bucket']}
    prefix: {prefix}
    part_size: 5
    access_key: "{self.given['key']}"
    secret_key: "{self.given['secret']}"
""" for name, prefix in self.prefixes.items())

    def read(self, key):
        """The object's bytes, or None."""
        try:
            return self.bucket.call("GET", key)[0]
        except panel_s3.Refused as why:
            assert str(why).startswith("404"), f"object {key}: {why}"
            return None

    def open_uploads(self):
        return [key for key in self.bucket.open_uploads()
                if key.startswith(self.prefix)]

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
