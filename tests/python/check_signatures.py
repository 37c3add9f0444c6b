"""A server that accepts only what the vendor's own signer would have signed, and counts.

Usage: check_signatures.py ACCESS_KEY SECRET_KEY SECURITY_TOKEN PROJECT_ID REGION
Prints its port, then answers the calls of an exporter with a fleet of 150. GET /verdict tells what it saw.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

ACCESS_KEY, SECRET_KEY, SECURITY_TOKEN, PROJECT_ID, REGION = sys.argv[1:]
FLEET = [f"desktop {number} ü/+" for number in range(150)]
VERDICT = {"accepted": {}, "refused": []}


def expected_authorization(method, target, headers, body):
    """Signs the same request with the vendor's signer, over the headers that the client says it signed."""
    signed = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    for name in ("host", "x-sdk-date", "x-security-token"):
        assert name in signed, f"{name} is not signed"
    parts = urlsplit(target)
    request = SdkRequest(
        method=method,
        schema="http",
        host=headers["Host"],
        resource_path=parts.path,
        query_params=parse_qsl(parts.query, keep_blank_values=True),
        header_params={name: headers[name] for name in signed},
        body=body,
    )
    signer = Signer(SimpleNamespace(ak=ACCESS_KEY, sk=SECRET_KEY))
    return signer.sign(request).header_params["Authorization"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path == "/verdict":
            return self.answer(200, VERDICT)
        try:
            expected = expected_authorization("GET", self.path, self.headers, b"")
            assert self.headers["Authorization"] == expected, "another signature"
            assert self.headers["X-Security-Token"] == SECURITY_TOKEN, "another security token"
        except Exception as error:
            VERDICT["refused"].append(f"{self.path[:80]}: {error!r}")
            return self.answer(401, {"error_code": "APIGW.0301"})
        call = parts.path.rsplit("/", 1)[-1]
        VERDICT["accepted"][call] = VERDICT["accepted"].get(call, 0) + 1
        query = parse_qsl(parts.query)
        if call == "projects":
            return self.answer(200, {"projects": [{"id": PROJECT_ID, "name": REGION}]})
        if call == "detail":
            return self.answer(200, {"desktops": [{"desktop_id": id} for id in FLEET], "total_count": len(FLEET)})
        ids = [value for key, value in query if key == "desktop_ids"]
        assert set(ids) <= set(FLEET), ids
        return self.answer(200, {"networks": [{"computer_id": id, "network_infos": [{}]} for id in ids]})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
