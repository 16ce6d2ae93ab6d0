-- Runs of pipelines on their platforms, as they were last seen. `run` is the platform's own id, `seen` and `jobs` are what
-- it told as JSON; `state` is 0 queued, 1 running, 2 waiting, 3 succeeded, 4 failed, 5 cancelled, 6 skipped. `awaited`: its
-- execution waits for the end. `again`: whoever asked for it was sent back, so that what failed is to run again.
-- `finished_record` is the audit record of the end.
CREATE TABLE pipeline_runs (
    number           INTEGER PRIMARY KEY,
    id               BLOB NOT NULL,
    tenant           TEXT NOT NULL,
    platform         TEXT NOT NULL,
    run              TEXT,
    pipeline         TEXT,
    reference        TEXT,
    asked            TEXT NOT NULL,
    key              TEXT,
    actor            TEXT NOT NULL,
    execution        BLOB,
    state            INTEGER NOT NULL,
    word             TEXT NOT NULL,
    message          TEXT NOT NULL,
    seen             TEXT,
    jobs             TEXT NOT NULL,
    awaited          INTEGER NOT NULL DEFAULT 0,
    again            INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    finished_at      INTEGER,
    finished_record  INTEGER
) STRICT;
CREATE UNIQUE INDEX pipeline_runs_by_id ON pipeline_runs (id);
CREATE UNIQUE INDEX pipeline_runs_by_key ON pipeline_runs (platform, key) WHERE key IS NOT NULL;
CREATE INDEX pipeline_runs_by_run ON pipeline_runs (platform, run) WHERE run IS NOT NULL;
CREATE INDEX pipeline_runs_by_execution ON pipeline_runs (execution) WHERE execution IS NOT NULL;
CREATE INDEX pipeline_runs_by_state ON pipeline_runs (state);
CREATE INDEX pipeline_runs_open ON pipeline_runs (number) WHERE finished_at IS NULL;
