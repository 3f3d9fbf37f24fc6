"""Drives the scaler with `bigbluepy` as it comes from its registry.

Usage: bigbluepy_client.py API_BASE SECRET

It POSTs every call with an empty body announced as XML, signs its parameters before they are encoded, and
joins at `/join/`. Prints `ok` when every answer was that of a BigBlueButton server.
"""

import http.client
import sys
import time
import urllib.parse

from bigbluepy import MainBBB

api_base, secret = sys.argv[1:]
client = MainBBB(api_base + "/", secret)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")


def follow(url):
    """Where a redirect leads; every host is this machine."""
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port)
    connection.request("GET", f"{address.path}?{address.query}")
    answer = connection.getresponse()
    equal(answer.status, 302, f"status of {address.path}")
    return answer.headers["Location"]


def listed():
    # Without parameters of its own a second call would sign the checksum of the first.
    return client.send_request("getMeetings", {})


equal(client.api.getMeetings().messageKey, "noMeetings", "an empty server")
created = client.api.createMeeting(
    name="Class-1", meetingID="bluepy-1", attendeePW="ap", moderatorPW="mp", record=False
)
equal((created.returncode, created.meetingID), ("SUCCESS", "bluepy-1"), "create")
equal((created.attendeePW, created.moderatorPW), ("ap", "mp"), "passwords of create")
equal(created.messageKey, None, "messageKey of a first create")
equal(client.api.isMeetingRunning("bluepy-1").running, "false", "running")
info = client.api.getMeetingInfo("bluepy-1")
equal((info.meetingID, info.internalMeetingID), ("bluepy-1", created.internalMeetingID), "info")
equal(listed()["meetings"]["meeting"]["meetingName"], "Class-1", "list")

parameters = {
    "fullName": "Ada",
    "meetingID": "bluepy-1",
    "password": "mp",
    "redirect": True,
    "joinViaHtml5": False,
}
join = client.send_request("join", parameters, just_create=True)
if "/join/?" not in join or "redirect=True" not in join:
    raise AssertionError("not the URL this client is known for")
client_url = follow(follow(join))
if "/html5client" not in client_url:
    raise AssertionError("the join does not lead to the client")

# What it signs is not what it sends when a value needs escapes, so any server refuses.
refused = client.send_request("create", {"name": "Übung 1 & 2", "meetingID": "bluepy-2"})
equal(refused["messageKey"], "checksumError", "a name that needs escapes")

recordings = client.send_request("getRecordings", {"meetingID": "bluepy-1"})
equal(recordings["messageKey"], "noRecordings", "recordings")
ended = client.api.endMeeting("bluepy-1", "mp")
equal(ended.messageKey, "sentEndMeetingRequest", "end")
deadline = time.monotonic() + 10
while "messageKey" not in listed() and time.monotonic() < deadline:
    pass
equal(listed()["messageKey"], "noMeetings", "list after the end")
print("ok")
