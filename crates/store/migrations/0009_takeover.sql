-- Tenants whose meeting IDs are the same on the nodes: they came from another
-- balancer, and may go back to it.
ALTER TABLE tenants ADD COLUMN plain BOOLEAN NOT NULL DEFAULT FALSE;

-- What another balancer said of a node (`kind` is `server`) or of a tenant
-- (`tenant`) that was taken over from it, sealed, so that it can be given back
-- as it was. `name` is ours.
CREATE TABLE foreign_records (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (source, kind, name)
);
