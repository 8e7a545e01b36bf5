"""Links of the Panel to a backup, which are good once, while the node crashes;
a part of Client."""

import json

import checks
from node import link_token


class DownloadMoves:
    def follow_link(self, server, backup, link):
        """The archive, once: with the first byte of the answer the link is used
        up for ever. One that was asked and never answered may be good or not."""
        if backup not in self.told.backups:
            return True
        is_used = self.told.followed.get(link)  # None: nobody has asked
        self.told.followed.setdefault(link, False)

        def head_has_come(status):
            if status in (200, 410):
                self.told.followed[link] = True
        token = link_token(link, "1", server_uuid=server, backup_uuid=backup,
                           unique_id=link)
        status, _, data = self.node.request(
            "GET", f"/download/backup?token={token}", head=head_has_come)
        if status in (500, 503, 507):
            return self.try_again(status, json.loads(data))
        if status == 410:
            assert json.loads(data)["code"] == "token-used", data
            assert is_used is not None, f"{link} is used up, by nobody"
            return True
        assert status == 200, f"{link}: {status} {data}"
        assert not is_used, f"{link} was used up, and is good once more"
        with open(checks.archive_there(self.node, backup), "rb") as archive:
            assert data == archive.read(), f"{link} gave other bytes"
        return True
