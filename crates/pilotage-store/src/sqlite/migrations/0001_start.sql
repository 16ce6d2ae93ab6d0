-- One row: what is asked for on every look and must not be counted anew.
CREATE TABLE state (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    cursor     INTEGER NOT NULL DEFAULT 0,
    keyed_through  INTEGER NOT NULL DEFAULT 0,
    unhandled  INTEGER NOT NULL DEFAULT 0,
    waiting    INTEGER NOT NULL DEFAULT 0,
    pending    INTEGER NOT NULL DEFAULT 0,
    running    INTEGER NOT NULL DEFAULT 0,
    succeeded  INTEGER NOT NULL DEFAULT 0,
    failed     INTEGER NOT NULL DEFAULT 0,
    cancelled  INTEGER NOT NULL DEFAULT 0,
    probes     INTEGER NOT NULL DEFAULT 0,
    changes    INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO state (id) VALUES (1);

-- The facts about deliveries: small rows, kept for ever.
CREATE TABLE events (
    position     INTEGER PRIMARY KEY,
    id           BLOB NOT NULL,
    tenant       TEXT NOT NULL,
    source       TEXT NOT NULL,
    type         TEXT NOT NULL,
    delivery_id  TEXT NOT NULL,
    timestamp    INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    verified     INTEGER NOT NULL,
    attributes   TEXT,
    digest       BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_id ON events (id);

-- What makes deliveries unique, for ever: 8 bytes of SHA-256(delivery id), which serve look-ups by delivery id, and 16 bytes
-- of SHA-256(tenant, source, delivery id). Those of events behind `state.keyed_through` are in the writer's memory.
CREATE TABLE keys (
    key       BLOB PRIMARY KEY,
    position  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which blocks of 1,024 positions have events of a source and type.
CREATE TABLE event_kinds (
    block   INTEGER NOT NULL,
    source  TEXT NOT NULL,
    type    TEXT NOT NULL,
    PRIMARY KEY (source, type, block)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_kinds_by_source ON event_kinds (source, block);
CREATE INDEX event_kinds_by_type ON event_kinds (type, block);

-- The JSON texts, until retention prunes them. `size` is the length before compression (LZ4 block).
CREATE TABLE bodies (
    position     INTEGER PRIMARY KEY,
    received_at  INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    compressed   INTEGER NOT NULL,
    data         BLOB NOT NULL
) STRICT;

-- What the rules said. Rows lie side by side and cover every position up to `state.cursor` once; neighbours of which nothing
-- is to be said share one. A ping that no rule matched is not unhandled.
CREATE TABLE decisions (
    first_position  INTEGER PRIMARY KEY,
    last_position   INTEGER NOT NULL,
    decided_at      INTEGER NOT NULL,
    executions      INTEGER NOT NULL,
    unhandled       INTEGER NOT NULL,
    faults          TEXT
) STRICT;
CREATE INDEX decisions_unhandled ON decisions (first_position) WHERE unhandled = 1;
CREATE INDEX decisions_handled ON decisions (first_position) WHERE executions > 0;

CREATE TABLE rule_versions (
    digest  BLOB PRIMARY KEY,
    json    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `status` is 0 waiting, 1 pending, 2 running, 3 succeeded, 4 failed, 5 cancelled. The partial indexes hold only what
-- is still to run, so that claiming costs the same however long history is. `finished_record` is the audit record of the
-- ending.
CREATE TABLE executions (
    number               INTEGER PRIMARY KEY,
    id                   BLOB NOT NULL,
    tenant               TEXT NOT NULL,
    event                BLOB NOT NULL,
    position             INTEGER NOT NULL,
    rule                 TEXT NOT NULL,
    rule_digest          BLOB NOT NULL,
    status               INTEGER NOT NULL,
    reason               TEXT,
    claims               INTEGER NOT NULL DEFAULT 0,
    action               INTEGER NOT NULL DEFAULT 0,
    attempts             INTEGER NOT NULL DEFAULT 0,
    retries              INTEGER NOT NULL DEFAULT 0,
    due                  INTEGER NOT NULL,
    lease_until          INTEGER,
    created_at           INTEGER NOT NULL,
    started_at           INTEGER,
    finished_at          INTEGER,
    slot_key             TEXT,
    slot_limit           INTEGER,
    debounce_key         TEXT,
    burst_started_at     INTEGER,
    replayed_by          TEXT,
    cancel_requested_by  TEXT,
    finished_record      INTEGER
) STRICT;
CREATE UNIQUE INDEX executions_by_id ON executions (id);
CREATE INDEX executions_by_position ON executions (position);
CREATE INDEX executions_by_rule ON executions (rule);
CREATE INDEX executions_by_rule_and_status ON executions (rule, status);
CREATE INDEX executions_by_status ON executions (status);
CREATE INDEX executions_due ON executions (due) WHERE status = 1;
CREATE INDEX executions_leased ON executions (lease_until) WHERE status = 2;
CREATE INDEX executions_in_slot ON executions (tenant, rule, slot_key, status)
    WHERE slot_key IS NOT NULL AND finished_at IS NULL;
CREATE INDEX executions_debounced ON executions (tenant, rule, debounce_key)
    WHERE debounce_key IS NOT NULL AND status <= 1;

CREATE TABLE attempts (
    number           INTEGER PRIMARY KEY,
    execution        INTEGER NOT NULL,
    action           INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    action_type      TEXT NOT NULL,
    idempotency_key  TEXT NOT NULL,
    started_at       INTEGER NOT NULL,
    duration_us      INTEGER NOT NULL,
    result           TEXT NOT NULL,
    request          TEXT NOT NULL,
    status           INTEGER,
    response         TEXT,
    error            TEXT
) STRICT;
CREATE INDEX attempts_by_execution ON attempts (execution);

-- Runs of quality gates. `status` is 0 running, 1 judged, 2 broken off; `verdict` is 0 ready, 1 not ready, 2 not judged.
-- `report` and `measured` are digests of documents; `files` is a JSON array of what came with the run.
CREATE TABLE gate_runs (
    number       INTEGER PRIMARY KEY,
    id           BLOB NOT NULL,
    tenant       TEXT NOT NULL,
    environment  TEXT NOT NULL,
    commit_id    TEXT,
    changed      INTEGER NOT NULL,
    status       INTEGER NOT NULL DEFAULT 0,
    verdict      INTEGER,
    score        INTEGER NOT NULL DEFAULT 0,
    origin       TEXT NOT NULL,
    actor        TEXT NOT NULL,
    key          TEXT,
    started_at   INTEGER NOT NULL,
    finished_at  INTEGER,
    message      TEXT NOT NULL,
    report       BLOB,
    measured     BLOB,
    files        TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE UNIQUE INDEX gate_runs_by_id ON gate_runs (id);
CREATE INDEX gate_runs_by_environment ON gate_runs (environment);
CREATE INDEX gate_runs_by_commit ON gate_runs (commit_id) WHERE commit_id IS NOT NULL;
CREATE INDEX gate_runs_by_key ON gate_runs (key) WHERE key IS NOT NULL;
CREATE INDEX gate_runs_open ON gate_runs (number) WHERE status = 0;

-- Which gates a run asked.
CREATE TABLE gate_run_gates (
    gate  TEXT NOT NULL,
    run   INTEGER NOT NULL,
    PRIMARY KEY (gate, run)
) STRICT, WITHOUT ROWID;

-- Reports, findings and files of gate runs, each once, under the SHA-256 of its bytes. `size` is the length before
-- compression (LZ4 block).
CREATE TABLE documents (
    digest      BLOB NOT NULL UNIQUE,
    size        INTEGER NOT NULL,
    compressed  INTEGER NOT NULL,
    data        BLOB NOT NULL
) STRICT;

-- What was measured on an input and may be taken again: digest of the input, and the document.
CREATE TABLE gate_inputs (
    input     BLOB PRIMARY KEY,
    document  BLOB NOT NULL,
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE gates (
    id          TEXT PRIMARY KEY,
    json        TEXT NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Waivers of criteria, as JSON; they are kept for ever.
CREATE TABLE waivers (
    number     INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    commit_id  TEXT NOT NULL,
    json       TEXT NOT NULL
) STRICT;
CREATE INDEX waivers_by_commit ON waivers (commit_id);

-- What people watch: one row for each execution and each gate run, written with every change of it. `status` is 0 pending, 1 running,
-- 2 success, 3 failure, 4 cancelled. `steps` names the steps as a JSON array. `change` is the number of the last change,
-- over all operations and in the order of commits; `state.changes` is the last one given. What has not ended and what has
-- are indexed apart, so that what is active is found however long history is.
CREATE TABLE operations (
    number       INTEGER PRIMARY KEY,
    id           BLOB NOT NULL,
    tenant       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    name         TEXT NOT NULL,
    status       INTEGER NOT NULL,
    current      INTEGER NOT NULL DEFAULT 0,
    total        INTEGER NOT NULL,
    message      TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    steps        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    finished_at  INTEGER,
    change       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX operations_by_id ON operations (id);
CREATE UNIQUE INDEX operations_by_change ON operations (change);
CREATE INDEX operations_open ON operations (change) WHERE finished_at IS NULL;
CREATE INDEX operations_ended ON operations (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX operations_by_kind ON operations (kind);
CREATE INDEX operations_by_status ON operations (status) WHERE finished_at IS NOT NULL;
CREATE INDEX operations_by_kind_and_status ON operations (kind, status) WHERE finished_at IS NOT NULL;

CREATE TABLE rule_statistics (
    rule             TEXT PRIMARY KEY,
    matched          INTEGER NOT NULL DEFAULT 0,
    succeeded        INTEGER NOT NULL DEFAULT 0,
    failed           INTEGER NOT NULL DEFAULT 0,
    cancelled        INTEGER NOT NULL DEFAULT 0,
    last_matched_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_latency (
    rule    TEXT NOT NULL,
    bucket  INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (rule, bucket)
) STRICT, WITHOUT ROWID;

-- What happened in each 5 minutes: `bucket` is the time in microseconds divided by 300,000,000. Written once for each
-- commit, however much is in it.
CREATE TABLE activity (
    bucket           INTEGER PRIMARY KEY,
    deliveries       INTEGER NOT NULL,
    unhandled        INTEGER NOT NULL,
    succeeded        INTEGER NOT NULL,
    failed           INTEGER NOT NULL,
    cancelled        INTEGER NOT NULL,
    attempts_failed  INTEGER NOT NULL,
    timed            INTEGER NOT NULL,
    duration_us      INTEGER NOT NULL
) STRICT;

CREATE TABLE rules (
    id          TEXT PRIMARY KEY,
    json        TEXT NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    name        TEXT PRIMARY KEY,
    role        TEXT NOT NULL,
    digest      BLOB NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    sequence  INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    tenant    TEXT NOT NULL,
    actor     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    facts     TEXT NOT NULL,
    previous  BLOB NOT NULL,
    hash      BLOB NOT NULL
) STRICT;
