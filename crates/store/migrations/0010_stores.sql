-- Which store this is, and which others were seen to make meetings on the same
-- nodes. Times are milliseconds since 1970.
CREATE TABLE stores (
    id TEXT NOT NULL PRIMARY KEY,
    own BOOLEAN NOT NULL,
    seen_at BIGINT NOT NULL
);
