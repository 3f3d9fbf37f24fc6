-- One life of a meeting ID on one node. Times are milliseconds since 1970.
CREATE TABLE generations (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    meeting_id TEXT NOT NULL,
    node TEXT NOT NULL,
    node_meeting_id TEXT NOT NULL,
    state TEXT NOT NULL,
    internal_meeting_id TEXT,
    create_time BIGINT,
    voice_bridge TEXT,
    in_flight BIGINT NOT NULL,
    attempted_at BIGINT NOT NULL,
    first_answered BOOLEAN NOT NULL,
    reserved BIGINT NOT NULL,
    description TEXT,
    created_at BIGINT NOT NULL,
    live_at BIGINT,
    end_requested_at BIGINT,
    ended_at BIGINT
);

CREATE UNIQUE INDEX generations_open_meeting ON generations (tenant, meeting_id)
    WHERE state IN ('placing', 'uncertain', 'live');

CREATE UNIQUE INDEX generations_open_node_meeting ON generations (node_meeting_id)
    WHERE state IN ('placing', 'uncertain', 'live');

CREATE INDEX generations_internal ON generations (internal_meeting_id);

CREATE INDEX generations_ended ON generations (ended_at);

CREATE INDEX generations_meeting ON generations (tenant, meeting_id, state);
