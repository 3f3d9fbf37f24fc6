-- Tenants that were added at run time. `settings` is JSON, `secrets` is sealed.
-- Times are milliseconds since 1970.
CREATE TABLE tenants (
    name TEXT NOT NULL PRIMARY KEY,
    settings TEXT NOT NULL,
    secrets TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
