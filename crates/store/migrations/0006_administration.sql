-- Who may ask the admin API beside the token file. Times are milliseconds since
-- 1970.
CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    tenant TEXT,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);

CREATE UNIQUE INDEX tokens_name ON tokens (name);

CREATE INDEX tokens_tenant ON tokens (tenant);

-- What was asked of the admin API to change, and what came of it.
CREATE TABLE audit (
    position BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    status BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    request_id TEXT NOT NULL
);
