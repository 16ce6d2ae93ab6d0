-- When the last run ended that rests on a document, in microseconds: retention goes by it. Documents of before are as young
-- as the youngest run.
ALTER TABLE documents ADD COLUMN kept_at INTEGER NOT NULL DEFAULT 0;
UPDATE documents SET kept_at = coalesce((SELECT max(finished_at) FROM gate_runs), 0);
CREATE INDEX documents_by_age ON documents (kept_at);
