-- Nodes that were added at run time. `secrets` is sealed, `tags` are separated
-- by blanks. Times are milliseconds since 1970.
CREATE TABLE nodes (
    name TEXT NOT NULL PRIMARY KEY,
    origin TEXT NOT NULL,
    address TEXT,
    bbb TEXT,
    proxied BOOLEAN NOT NULL,
    secrets TEXT NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    tags TEXT NOT NULL,
    max_meetings BIGINT,
    max_users BIGINT,
    max_meeting_users BIGINT,
    added_at BIGINT NOT NULL
);

-- What operators decided of any node, of the file or added.
CREATE TABLE node_states (
    node TEXT NOT NULL PRIMARY KEY,
    cordoned_at BIGINT,
    uncordoned_at BIGINT,
    weight DOUBLE PRECISION
);

-- What former meetings of one ID were like: `lives` holds the last of them as
-- `users:minutes`, separated by blanks, the latest last.
CREATE TABLE meeting_history (
    tenant TEXT NOT NULL,
    meeting_id TEXT NOT NULL,
    lives TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, meeting_id)
);

CREATE INDEX meeting_history_ended ON meeting_history (ended_at);

-- Why a generation was placed where it is, as JSON.
CREATE TABLE decisions (
    generation TEXT NOT NULL PRIMARY KEY,
    decided_at BIGINT NOT NULL,
    decision TEXT NOT NULL
);

CREATE INDEX decisions_decided ON decisions (decided_at);
