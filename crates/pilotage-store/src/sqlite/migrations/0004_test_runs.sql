-- Runs of tests. `status`: 0 running, 1 passed, 2 failed, 3 broken off. `totals` and `standouts` (the tests that stand out)
-- are JSON, `report` is the digest of the report and `report_bytes` its length as it is kept; `heard_at` is when something
-- was last heard of the run.
CREATE TABLE test_runs (
    number        INTEGER PRIMARY KEY,
    id            BLOB NOT NULL,
    tenant        TEXT NOT NULL,
    name          TEXT NOT NULL,
    commit_id     TEXT,
    plan          TEXT,
    shard         INTEGER NOT NULL DEFAULT 1,
    shards        INTEGER NOT NULL DEFAULT 1,
    files         INTEGER NOT NULL,
    done          INTEGER NOT NULL DEFAULT 0,
    status        INTEGER NOT NULL DEFAULT 0,
    totals        TEXT NOT NULL,
    standouts     TEXT,
    actor         TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    heard_at      INTEGER NOT NULL,
    finished_at   INTEGER,
    message       TEXT NOT NULL,
    report        BLOB,
    report_bytes  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX test_runs_by_id ON test_runs (id);
CREATE INDEX test_runs_by_name ON test_runs (name);
CREATE INDEX test_runs_by_commit ON test_runs (commit_id) WHERE commit_id IS NOT NULL;
CREATE INDEX test_runs_by_plan ON test_runs (plan) WHERE plan IS NOT NULL;
CREATE INDEX test_runs_open ON test_runs (heard_at) WHERE status = 0;

-- Reports of runs of tests, as JSON.
CREATE TABLE test_reports (
    run         INTEGER PRIMARY KEY,
    size        INTEGER NOT NULL,
    compressed  INTEGER NOT NULL,
    data        BLOB NOT NULL
) STRICT;
