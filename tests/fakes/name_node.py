"""A NameNode's web side as Hadoop documents it: /jmx and WebHDFS's LISTSTATUS_BATCH."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TB = 10**12
STATE = {
    "name": "Hadoop:service=NameNode,name=FSNamesystemState",
    "FSState": "Operational",
    "CapacityTotal": 100 * TB,
    "CapacityUsed": 40 * TB,
    "CapacityRemaining": 50 * TB,
    "UnderReplicatedBlocks": 3,
    "NumLiveDataNodes": 10,
    "NumDeadDataNodes": 0,
}
NAMESYSTEM = {"name": "Hadoop:service=NameNode,name=FSNamesystem", "MissingBlocks": 0, "tag.HAState": "active"}
FOLDERS = {"/", "/check points"}


class NameNode(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *, standby: bool, facts: dict[str, Any]) -> None:
        super().__init__(("127.0.0.64", 0), _Request)
        self.standby = standby
        self.beans = [{**bean, **{name: facts.get(name, value) for name, value in bean.items()}} for bean in BEANS]
        self.url = f"http://127.0.0.64:{self.server_port}"

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        if path == "/jmx":
            return 200, {"beans": [bean for bean in self.beans if bean["name"] == query["qry"][0]]}
        if self.standby:
            message = "Operation category READ is not supported in state standby."
            return 403, remote("StandbyException", "org.apache.hadoop.ipc.StandbyException", message)
        folder = unquote(path.removeprefix("/webhdfs/v1"))
        if query["user.name"] == ["stranger"]:
            name = "org.apache.hadoop.security.AccessControlException"
            return 403, remote("AccessControlException", name, f'Permission denied: user=stranger, inode="{folder}"')
        if folder not in FOLDERS:
            return 404, remote(
                "FileNotFoundException", "java.io.FileNotFoundException", f"File {folder} does not exist."
            )
        assert query["op"] == ["LISTSTATUS_BATCH"]
        return 200, {
            "DirectoryListing": {"partialListing": {"FileStatuses": {"FileStatus": []}}, "remainingEntries": 0}
        }


BEANS = (STATE, NAMESYSTEM)


def remote(exception: str, java: str, message: str) -> dict[str, Any]:
    return {"RemoteException": {"exception": exception, "javaClassName": java, "message": message}}


class _Request(BaseHTTPRequestHandler):
    server: NameNode

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        status, body = self.server.answer(url.path, parse_qs(url.query))
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def name_node(*, standby: bool = False, **facts: Any) -> Iterator[NameNode]:
    with NameNode(standby=standby, facts=facts) as node:
        thread = threading.Thread(target=node.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield node
        node.shutdown()
        thread.join()
