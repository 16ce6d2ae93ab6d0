-- Logs of what failed in runs of pipelines, for when the platform cannot be asked or has them no longer. `data` is a list as
-- JSON; `kept_at` is in microseconds, and retention goes by it.
CREATE TABLE pipeline_logs (
    run         BLOB NOT NULL PRIMARY KEY,
    kept_at     INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    compressed  INTEGER NOT NULL,
    data        BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pipeline_logs_by_age ON pipeline_logs (kept_at);
