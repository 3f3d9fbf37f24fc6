-- What must reach frontends. Times are milliseconds since 1970.
CREATE TABLE callbacks (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    meeting_id TEXT NOT NULL,
    target TEXT NOT NULL,
    place TEXT NOT NULL,
    lane TEXT,
    payload TEXT NOT NULL,
    sameness TEXT,
    state TEXT NOT NULL,
    position BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    error TEXT,
    settled_at BIGINT
);

CREATE UNIQUE INDEX callbacks_sameness ON callbacks (sameness);

CREATE INDEX callbacks_due ON callbacks (state, next_at);

CREATE INDEX callbacks_lane ON callbacks (lane, state, position);

CREATE INDEX callbacks_tenant ON callbacks (tenant, kind, state);

-- Who wants to hear of events, as hooks/create was told.
CREATE TABLE hooks (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    meeting_id TEXT,
    event_ids TEXT,
    raw BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX hooks_url ON hooks (tenant, callback_url);
