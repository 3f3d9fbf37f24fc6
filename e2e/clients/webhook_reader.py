"""Receives webhooks and believes none that is not signed as BigBlueButton documents it.

Usage: webhook_reader.py PATH SECRET COUNT

Prints `listening PORT`, then one line for each POST, and ends after COUNT of them. It knows of webhooks what
their documentation says and nothing else: the checksum in the address is
SHA-1 of (callback URL + data body + secret). "Data body" has been two things: the body as it is sent
(bbb-webhooks 3) and the JSON of `event`, `timestamp` and `domain` in this order (bbb-webhooks 2).
"""

import hashlib
import hmac
import http.server
import json
import sys
import urllib.parse

path, secret, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


class Refused(Exception):
    """Why a POST is not believed."""


def split_checksum(target):
    """The address that was registered, and the checksum that was appended to it."""
    for joint in ("?checksum=", "&checksum="):
        address, found, checksum = target.rpartition(joint)
        if found and "&" not in checksum:
            return address, checksum
    raise Refused("no checksum")


def read(target, headers, body):
    address, checksum = split_checksum(target)
    if address != path:
        raise Refused(f"not the address that was registered: {address}")
    media_type = headers.get_content_type()
    if media_type != "application/x-www-form-urlencoded":
        raise Refused(f"not a form but {media_type}")
    fields = urllib.parse.parse_qs(body, strict_parsing=True)
    if sorted(fields) != ["domain", "event", "timestamp"] or any(len(v) != 1 for v in fields.values()):
        raise Refused(f"other fields: {sorted(fields)}")
    (domain,), (event,), (timestamp,) = fields["domain"], fields["event"], fields["timestamp"]
    as_json = json.dumps(
        {"event": event, "timestamp": int(timestamp), "domain": domain},
        separators=(",", ":"),
        ensure_ascii=False,
    )
    for form, covered in (("body", body), ("json", as_json)):
        digest = hashlib.sha1((url + covered + secret).encode()).hexdigest()
        if hmac.compare_digest(digest, checksum):
            break
    else:
        raise Refused("wrong checksum")
    (told,) = json.loads(event)
    if "envelope" in told:
        if told["core"]["header"]["name"] != told["envelope"]["name"]:
            raise Refused("not a message of BigBlueButton")
        if told["envelope"]["name"].endswith("RecordingSysMsg") and not told["core"]["body"]["recordId"]:
            raise Refused("about no recording")
        return f"{form} {told['envelope']['name']} {domain}"
    if "payload" in told:
        if not told["payload"]["record_id"].startswith(told["payload"]["meeting_id"]):
            raise Refused("about no recording of a meeting")
        return f"{form} {told['header']['name']} {domain}"
    data = told["data"]
    if data["type"] != "event" or not isinstance(data["event"]["ts"], int):
        raise Refused("not an event")
    attributes = data["attributes"]
    meeting = attributes["meeting"]["external-meeting-id"]
    if data["id"].startswith("user-") and not attributes["user"]["internal-user-id"]:
        raise Refused("about no user")
    if data["id"].startswith("rap-"):
        # Of what was done to a recording later, bbb-webhooks 2 names the meeting alone and 3 the recording alone.
        named = (attributes.get("record-id"), attributes["meeting"].get("internal-meeting-id"))
        if len(set(filter(None, named))) != 1:
            raise Refused("about no recording of this meeting")
    return f"{form} {data['id']} {meeting} {domain}"


class Reader(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            line, status = f"accepted {read(self.path, self.headers, body)}", 200
        except (Refused, ValueError, KeyError) as reason:
            line, status = f"refused {reason}", 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        print(line, flush=True)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Reader)
url = f"http://127.0.0.1:{server.server_port}{path}"
print(f"listening {server.server_port}", flush=True)
for _ in range(count):
    server.handle_request()
