#!/usr/bin/python3
"""A real OpenStack Swift in one process: proxy with its S3 layer and tempauth,
account, container and object server.

    swift_s3.py --dir DIR [--port 9000] [--key test:tester] [--secret testing]
                [--min-part 5242880] [--log]

Needs Debian's swift-proxy, swift-account, swift-container and swift-object; no
memcached, no root, no /etc/swift. DIR keeps the data and needs user xattrs.
Prints "READY url" when it serves; SIGTERM ends it.
"""

import eventlet
import eventlet.patcher
import eventlet.wsgi

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True,
                              time=True)

import argparse
import json
import os
import signal
import sys
import time
from array import array


class Cache:
    """Stands in for the memcached ring that Swift's middleware shares."""

    def __init__(self):
        self.held = {}

    def get(self, key, *_args, **_more):
        value = self.held.get(key)
        if value is None or (value[1] and value[1] < time.time()):
            self.held.pop(key, None)
            return None
        return json.loads(value[0])

    def set(self, key, value, *_args, **more):
        lasts = more.get("time", 0)
        self.held[key] = (json.dumps(value),
                          time.time() + lasts if lasts else 0)
        return True

    def incr(self, key, delta=1, **more):
        value = int(self.get(key) or 0) + delta
        self.set(key, value, **more)
        return value

    def decr(self, key, delta=1, **more):
        return self.incr(key, -delta, **more)

    def delete(self, key, *_args, **_more):
        self.held.pop(key, None)

    def get_multi(self, keys, *_args, **_more):
        return [self.get(key) for key in keys]

    def set_multi(self, mapping, *_args, **more):
        for key, value in mapping.items():
            self.set(key, value, **more)


CACHE = Cache()


def cache_factory(_global_conf, **_conf):
    def make(app):
        def call(env, start):
            env["swift.cache"] = CACHE
            return app(env, start)
        return call
    return make


PROXY = """[DEFAULT]
swift_dir = {etc}
log_level = WARNING
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api
 tempauth bulk copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
node_timeout = 60
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
min_segment_size = {min_part}
max_multi_delete_objects = 1000
[filter:tempauth]
use = egg:swift#tempauth
user_{user} = {secret} .admin
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:cache]
paste.filter_factory = swift_s3:cache_factory
"""
PLAIN_FILTERS = ("slo dlo copy symlink bulk catch_errors gatekeeper "
                 "healthcheck listing_formats").split()


def write_rings(ring_data, etc, listeners):
    for name, listener in listeners.items():
        port = listener.getsockname()[1]
        device = {"id": 0, "region": 1, "zone": 1, "device": "d1",
                  "ip": "127.0.0.1", "port": port,
                  "replication_ip": "127.0.0.1", "replication_port": port,
                  "weight": 1.0, "meta": ""}
        ring_data([array("H", [0, 0])], [device], 31).save(
            f"{etc}/{name}.ring.gz")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--dir", required=True)
    args.add_argument("--port", type=int, default=9000)
    args.add_argument("--key", default="test:tester")
    args.add_argument("--secret", default="testing")
    args.add_argument("--min-part", type=int, default=5242880)
    args.add_argument("--log", action="store_true")
    options = args.parse_args()
    root = os.path.abspath(options.dir)
    etc = root + "/etc"
    os.makedirs(etc, exist_ok=True)
    os.makedirs(root + "/srv/d1", exist_ok=True)
    # The proxy's configuration names this file as a module.
    sys.modules["swift_s3"] = sys.modules["__main__"]

    with open(etc + "/swift.conf", "w", encoding="ascii") as conf:
        conf.write("[swift-hash]\nswift_hash_path_suffix = s\n"
                   "swift_hash_path_prefix = p\n[swift-constraints]\n"
                   "max_file_size = 5368709122\n")
    from swift.common import constraints, storage_policy, utils
    utils.SWIFT_CONF_FILE = etc + "/swift.conf"
    utils.HASH_PATH_SUFFIX = b"s"
    utils.HASH_PATH_PREFIX = b"p"
    for module in (constraints, storage_policy):
        if hasattr(module, "SWIFT_CONF_FILE"):
            module.SWIFT_CONF_FILE = etc + "/swift.conf"
        if hasattr(module, "utils"):
            module.utils.SWIFT_CONF_FILE = etc + "/swift.conf"
    constraints.reload_constraints()
    storage_policy.reload_storage_policies()

    from swift.account.server import AccountController
    from swift.common.ring import RingData
    from swift.common.wsgi import SwiftHttpProtocol, loadapp
    from swift.container.server import ContainerController
    from swift.obj.server import ObjectController
    controllers = {"account": AccountController,
                   "container": ContainerController,
                   "object": ObjectController}
    listeners = {name: eventlet.listen(("127.0.0.1", 0), backlog=1024)
                 for name in controllers}
    write_rings(RingData, etc, listeners)
    conf = {"devices": root + "/srv", "swift_dir": etc, "mount_check": "false",
            "disable_fallocate": "true", "fallocate_reserve": "0",
            "allowed_sync_hosts": "127.0.0.1", "log_level": "WARNING",
            "container_update_timeout": "10", "node_timeout": "30",
            "keep_cache_size": "0"}
    with open(etc + "/proxy-server.conf", "w", encoding="ascii") as proxy:
        proxy.write(PROXY.format(etc=etc, min_part=options.min_part,
                                 user=options.key.replace(":", "_", 1),
                                 secret=options.secret))
        for name in PLAIN_FILTERS:
            proxy.write(f"[filter:{name}]\nuse = egg:swift#{name}\n")

    for name, controller in controllers.items():
        eventlet.spawn(eventlet.wsgi.server, listeners[name], controller(conf),
                       utils.NullLogger(), protocol=SwiftHttpProtocol,
                       log_output=False, max_size=1024,
                       capitalize_response_headers=False, socket_timeout=60)
    front = eventlet.listen(("127.0.0.1", options.port), backlog=1024)
    app = loadapp(etc + "/proxy-server.conf",
                  global_conf={"log_name": "proxy"})
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    print(f"READY http://127.0.0.1:{front.getsockname()[1]}", flush=True)
    log = sys.stderr if options.log else utils.NullLogger()
    eventlet.wsgi.server(front, app, log, protocol=SwiftHttpProtocol,
                         log_output=options.log, max_size=1024,
                         capitalize_response_headers=False, socket_timeout=60)


if __name__ == "__main__":
    main()
