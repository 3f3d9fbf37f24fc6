-- Every change of a generation takes the next number, in the order of the
-- commits, so that a scaler reads only what changed since it last looked. The row
-- with the highest stays, so that no number is given twice.
ALTER TABLE generations ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

CREATE INDEX generations_revision ON generations (revision);
