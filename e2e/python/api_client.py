"""Drives the scaler with an API client nobody here wrote.

Usage: api_client.py API_BASE SECRET

Creates, lists, inspects and ends meetings through `bigbluebutton-api-python`
as it comes from its registry, and fails on the first answer that differs from
what one BigBlueButton server would have said. Prints `ok` at the end.
"""

import sys
import time
import urllib.request

from bigbluebutton_api_python import BigBlueButton
from bigbluebutton_api_python.exception import BBBException

api_base, secret = sys.argv[1:]
client = BigBlueButton(api_base, secret)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")


def fails_with(key, call):
    try:
        call()
    except BBBException as error:
        equal(str(error.key), key, "message key")
    else:
        raise AssertionError(f"expected a failure with key {key}")


def listed():
    answer = client.get_meetings()
    try:
        if str(answer.get_message_key()) == "noMeetings":
            return {}
    except KeyError:
        pass
    meetings = answer.get_field("meetings")["meeting"]
    meetings = meetings if isinstance(meetings, list) else [meetings]
    return {str(meeting["meetingID"]): meeting for meeting in meetings}


equal(str(client.get_api_version().get_field("version")), "2.0", "API version")
equal(listed(), {}, "meetings before the first")

names = {f"python-{number}": f"Übung {number} & more" for number in range(1, 5)}
created = {}
for meeting_id, name in names.items():
    # A dictionary of its own per call: the client's default argument is shared.
    parameters = {"name": name, "attendeePW": "ap-" + meeting_id, "moderatorPW": "mp-" + meeting_id}
    created[meeting_id] = client.create_meeting(meeting_id, parameters, meta={"course": "Physik I"})
    equal(str(created[meeting_id].get_meetingid()), meeting_id, "meetingID of create")
    equal(str(created[meeting_id].get_message_key() or ""), "", "messageKey of a first create")

again = client.create_meeting(
    "python-1", {"name": "Physics", "attendeePW": "ap-python-1", "moderatorPW": "mp-python-1"}
)
equal(str(again.get_message_key()), "duplicateWarning", "messageKey of a repeated create")
equal(
    str(again.get_field("internalMeetingID")),
    str(created["python-1"].get_field("internalMeetingID")),
    "internalMeetingID of a repeated create",
)
fails_with(
    "idNotUnique",
    lambda: client.create_meeting(
        "python-1", {"name": "Physics", "attendeePW": "other", "moderatorPW": "others"}
    ),
)

equal(set(listed()), set(names), "listed meetings")
for meeting_id, meeting in listed().items():
    equal(str(meeting["meetingName"]), names[meeting_id], "listed name")

info = client.get_meeting_info("python-2")
equal(str(info.get_field("meetingID")), "python-2", "meetingID of getMeetingInfo")
equal(str(info.get_field("meetingName")), names["python-2"], "name of getMeetingInfo")
equal(
    str(info.get_field("createTime")),
    str(created["python-2"].get_field("createTime")),
    "createTime of getMeetingInfo",
)
metadata = {str(key): str(value) for key, value in info.get_field("metadata").items()}
equal(metadata, {"course": "Physik I"}, "metadata: ours must not show")
equal(str(client.is_meeting_running("python-2").get_field("running")), "false", "running, empty")
equal(str(client.is_meeting_running("nobody").get_field("running")), "false", "running, unknown")


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


join = client.get_join_meeting_url("Ada", "python-3", "mp-python-3", {})
try:
    urllib.request.build_opener(Stay).open(join)
    raise AssertionError("join must redirect to the node")
except urllib.error.HTTPError as answer:
    equal(answer.code, 302, "status of join")
    location = answer.headers["Location"]
    if "/bigbluebutton/api/join?" not in location or ".cluster.localhost" not in location:
        raise AssertionError(f"join must lead to a node: {location.split('?')[0]}")

fails_with("notFound", lambda: client.get_meeting_info("nobody"))
fails_with(
    "checksumError", lambda: BigBlueButton(api_base, "not the secret").get_meetings()
)

for meeting_id in names:
    ended = client.end_meeting(meeting_id, "mp-" + meeting_id)
    equal(str(ended.get_message_key()), "sentEndMeetingRequest", "messageKey of end")
deadline = time.monotonic() + 10
while listed() and time.monotonic() < deadline:
    pass
equal(listed(), {}, "meetings after the last was ended")
fails_with("notFound", lambda: client.get_meeting_info("python-2"))
equal(list(client.get_recordings().get_field("recordings") or []), [], "recordings")
print("ok")
