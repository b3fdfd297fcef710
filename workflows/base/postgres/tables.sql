-- For the owner of the database: psql -v ON_ERROR_STOP=1 -f THIS
-- Then: GRANT aggregator TO the user that loads.
BEGIN;

CREATE TABLE IF NOT EXISTS "session_duration" (
    "userId" text COLLATE "C" PRIMARY KEY,
    "sessionDuration" bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS "aggregator_runs" (
    target text NOT NULL,
    run_id text NOT NULL,
    shard int NOT NULL,
    shards int NOT NULL,
    input_lines bigint NOT NULL,
    input_bytes bigint NOT NULL,
    input_digest text NOT NULL,
    bad_lines bigint NOT NULL,
    keys bigint NOT NULL,
    total numeric NOT NULL,
    seconds double precision NOT NULL,
    peak_rss_bytes bigint,
    program_version text NOT NULL,
    applied_at timestamptz NOT NULL,
    PRIMARY KEY (target, run_id, shard)
);

ALTER TABLE "aggregator_runs" ADD COLUMN IF NOT EXISTS applied_by text;

ALTER TABLE "aggregator_runs" ADD COLUMN IF NOT EXISTS accepted text;

ALTER TABLE "aggregator_runs" ADD COLUMN IF NOT EXISTS etag text;

COMMENT ON TABLE "aggregator_runs" IS 'What aggregator has loaded; ledger version 4';

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'aggregator') THEN
        CREATE ROLE aggregator NOLOGIN;
    END IF;
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO aggregator',
                   current_database());
END
$$;
GRANT SELECT, INSERT, UPDATE ON "session_duration", "aggregator_runs" TO aggregator;

COMMIT;
