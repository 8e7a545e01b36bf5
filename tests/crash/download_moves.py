"""Links of the Panel to a backup, which are good once, while the node crashes;
a part of Client."""

import http.client
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "doubles"))
import checks  # noqa: E402
import panel  # noqa: E402
from node import PATIENCE, TOKEN, Died  # noqa: E402


def token_for(server, backup, link):
    """As the Panel signs them (wings-protocol 2.15)."""
    now = int(time.time())
    return panel.signed_token(
        {"iss": "http://panel.test", "jti": link, "sub": "1", "iat": now,
         "nbf": now - 300, "exp": now + 900, "server_uuid": server,
         "backup_uuid": backup, "unique_id": link}, TOKEN)


class DownloadMoves:
    def follow_link(self, server, backup, link):
        """The archive, once: with the first byte of the answer the link is used
        up for ever. One that was asked and never answered may be good or not."""
        if backup not in self.told.backups:
            return True
        is_used = self.told.followed.get(link)  # None: nobody has asked
        self.told.followed.setdefault(link, False)
        connection = http.client.HTTPConnection("127.0.0.1", self.node.port,
                                                timeout=PATIENCE)
        try:
            connection.request("GET", "/download/backup?token="
                               + token_for(server, backup, link))
            answer = connection.getresponse()
            if answer.status in (200, 410):
                self.told.followed[link] = True
            data = answer.read()
        except (OSError, http.client.HTTPException) as why:
            raise Died(f"download of {backup}: {why!r}") from why
        finally:
            connection.close()
        if answer.status in (500, 503, 507):
            return self.try_again(answer.status, json.loads(data))
        if answer.status == 410:
            assert json.loads(data)["code"] == "token-used", data
            assert is_used is not None, f"{link} is used up, by nobody"
            return True
        assert answer.status == 200, f"{link}: {answer.status} {data}"
        assert not is_used, f"{link} was used up, and is good once more"
        with open(checks.archive_of(self.node, backup), "rb") as archive:
            assert data == archive.read(), f"{link} gave other bytes"
        return True
