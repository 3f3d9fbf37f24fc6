-- Which keeper has which recording, and what it says of it: a `<recording>`
-- element, as it came. A keeper is a node by its name, or `/delegate`. `tenant`
-- is absent where nobody may see it. `revision` grows with every change of any
-- row, so that every scaler can follow. Times are milliseconds since 1970.
CREATE TABLE recordings (
    keeper TEXT NOT NULL,
    record_id TEXT NOT NULL,
    tenant TEXT,
    meeting_id TEXT,
    document TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    gone BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (keeper, record_id)
);

CREATE UNIQUE INDEX recordings_revision ON recordings (revision);

-- When each keeper is asked for all that it has: by one scaler at a time.
CREATE TABLE recording_turns (
    keeper TEXT NOT NULL PRIMARY KEY,
    next_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    completed_at BIGINT
);
