-- Nodes that are given up, for every scaler of this store and across restarts.
-- Times are milliseconds since 1970.
CREATE TABLE node_losses (
    node TEXT NOT NULL PRIMARY KEY,
    lost_at BIGINT NOT NULL,
    by_operator BOOLEAN NOT NULL
);

-- What each scaler of this store hears of the nodes: names, one per line.
-- `beat` grows with each look, so that a dead scaler is told from a quiet one
-- without comparing clocks.
CREATE TABLE observers (
    id TEXT NOT NULL PRIMARY KEY,
    beat BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    hears TEXT NOT NULL
);
