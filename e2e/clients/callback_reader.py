"""A frontend's server that is called back, and believes only what its own secret signed.

Usage: callback_reader.py SECRET COUNT

Prints `listening PORT`, then one line for each request, and ends after COUNT of them: `GET TARGET`, or
`POST TARGET MEETING RECORD` when the token that came is signed with SECRET, else `refused WHY`. It knows of callbacks
what BigBlueButton's documentation says and nothing else: a recording that is ready is told of by the one field
`signed_parameters` of a form, a JWT with HS256; analytics are JSON with a JWT as bearer token, HS512, good for a day.
"""

import base64
import hashlib
import hmac
import http.server
import json
import sys
import time
import urllib.parse

secret, count = sys.argv[1], int(sys.argv[2])
DIGESTS = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
DAY = 24 * 60 * 60


class Refused(Exception):
    """Why a request is not believed."""


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(token, algorithm):
    head, body, signature = token.split(".")
    if json.loads(decoded(head))["alg"] != algorithm:
        raise Refused("another algorithm")
    made = hmac.new(secret.encode(), f"{head}.{body}".encode(), DIGESTS[algorithm]).digest()
    if not hmac.compare_digest(made, decoded(signature)):
        raise Refused("signed with another secret")
    return json.loads(decoded(body))


def recording(body):
    fields = urllib.parse.parse_qs(body, strict_parsing=True)
    if list(fields) != ["signed_parameters"]:
        raise Refused(f"other fields: {sorted(fields)}")
    (token,) = fields["signed_parameters"]
    said = claims(token, "HS256")
    if sorted(said) != ["meeting_id", "record_id"]:
        raise Refused(f"other claims: {sorted(said)}")
    return f"{said['meeting_id']} {said['record_id']}"


def analytics(headers, body):
    if headers["User-Agent"] != "BigBlueButton Analytics Callback":
        raise Refused(f"sent by {headers['User-Agent']}")
    scheme, _, token = headers["Authorization"].partition(" ")
    if scheme != "Bearer":
        raise Refused("no bearer token")
    said = claims(token, "HS512")
    if list(said) != ["exp"] or not 0 < said["exp"] - time.time() <= DAY:
        raise Refused(f"other claims, or not good for a day: {said}")
    document = json.loads(body)
    if "bluegate" in body:
        raise Refused("it holds what is not the frontend's")
    return f"{document['meeting_id']} {document['internal_meeting_id']}"


def told(headers, body):
    """The meeting and the recording that a POST is about."""
    media_type = headers.get_content_type()
    if media_type == "application/x-www-form-urlencoded":
        return recording(body)
    if media_type == "application/json":
        return analytics(headers, body)
    raise Refused(f"unknown type {media_type}")


class Reader(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(f"GET {self.path}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            self.answer(f"POST {self.path} {told(self.headers, body)}")
        except (Refused, ValueError, KeyError) as reason:
            self.answer(f"refused {reason}")

    def answer(self, line):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        print(line, flush=True)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Reader)
print(f"listening {server.server_port}", flush=True)
for _ in range(count):
    server.handle_request()
