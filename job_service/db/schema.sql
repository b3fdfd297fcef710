-- The jobs' schema, its roles and functions, as `job_service --init-sql` prints them. Run it as a
-- role that may create roles and schemas, as often as you like: steps that are there do nothing.
--
-- The api's role sees no table. What it may do is the functions of schema jobs_v1, which belong to
-- a role that nobody logs in as, find names in schema jobs alone, and ask for a token each time.
\set ON_ERROR_STOP on
BEGIN;
SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('job_service.create', 0));

DO $$
DECLARE
  other text := (SELECT min(format('%I.%I', n.nspname, c.relname)) FROM pg_class c
                   JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
                    AND n.nspname NOT IN ('information_schema', 'jobs'));
BEGIN
  IF other IS NOT NULL THEN
    RAISE EXCEPTION 'database % has tables of others: %', current_database(), other
      USING HINT = 'give the jobs a database of their own (createdb jobs): in it temporary tables,'
        ' large objects and advisory locks are taken away from everybody';
  END IF;
  IF to_regrole('jobs_owner') IS NULL THEN CREATE ROLE jobs_owner NOLOGIN; END IF;
  IF to_regrole('jobs_api') IS NULL THEN CREATE ROLE jobs_api LOGIN CONNECTION LIMIT 20; END IF;
  IF to_regrole('jobs_dispatch') IS NULL THEN CREATE ROLE jobs_dispatch LOGIN CONNECTION LIMIT 10; END IF;
  EXECUTE format('GRANT jobs_owner TO %I', current_user);
  -- A taken-over api makes nothing of its own here.
  EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO jobs_api, jobs_dispatch', current_database());
  EXECUTE format('GRANT CREATE ON DATABASE %I TO jobs_owner', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

SET LOCAL ROLE jobs_owner;
CREATE SCHEMA IF NOT EXISTS jobs;
CREATE SCHEMA IF NOT EXISTS jobs_v1;
SET LOCAL search_path = jobs, pg_temp;

DO $$
DECLARE
  -- A comment on the schema says which steps it has: dumps keep it.
  version int := coalesce(substring(obj_description('jobs'::regnamespace, 'pg_namespace')
                                    FROM 'version (\d{1,6})')::int, 0);
BEGIN
  IF version > 1 THEN
    RAISE EXCEPTION 'schema jobs has version %, newer than this job_service knows (1)', version
      USING HINT = 'run the --init-sql of the newer job_service';
  END IF;

  IF version < 1 THEN
    CREATE TABLE owner (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
      anonymous boolean NOT NULL DEFAULT false, -- whose jobs are those without a token
      per_minute int NOT NULL DEFAULT 600 CHECK (per_minute > 0),
      active_max int NOT NULL DEFAULT 1000 CHECK (active_max > 0),  -- queued or running
      per_day int NOT NULL DEFAULT 10000 CHECK (per_day > 0),
      created_at timestamptz NOT NULL DEFAULT now());
    CREATE UNIQUE INDEX ON owner (anonymous) WHERE anonymous;

    -- What accepting a job changes of an owner; taking one locks owner_turn, so neither waits.
    CREATE TABLE owner_count (
      owner int PRIMARY KEY REFERENCES owner ON DELETE CASCADE,
      last_number bigint NOT NULL DEFAULT 0,
      active int NOT NULL DEFAULT 0 CHECK (active >= 0),
      credit double precision NOT NULL DEFAULT 0, -- jobs that the rate allows at once
      credit_at timestamptz,                      -- NULL: full
      day date, day_count int NOT NULL DEFAULT 0) WITH (fillfactor = 50);
    CREATE TABLE owner_turn (
      owner int PRIMARY KEY REFERENCES owner ON DELETE CASCADE,
      served_at timestamptz NOT NULL DEFAULT '-infinity') WITH (fillfactor = 50);

    CREATE TABLE token (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      owner int NOT NULL REFERENCES owner ON DELETE CASCADE,
      hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the token
      hint text NOT NULL,                                   -- its first characters, for lists
      scopes text[] NOT NULL CHECK (scopes <@ ARRAY['submit', 'read', 'cancel']),
      weak boolean NOT NULL DEFAULT false,                  -- chosen by somebody, not drawn
      note text,
      created_at timestamptz NOT NULL DEFAULT now(),
      not_before timestamptz, expires_at timestamptz, revoked_at timestamptz);

    CREATE TABLE job (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      owner int NOT NULL REFERENCES owner,
      number bigint NOT NULL, -- the owner's own count
      kind text NOT NULL,
      name text,              -- the client's word for it
      parameters jsonb NOT NULL,
      filename text, file bytea,
      digest bytea NOT NULL CHECK (length(digest) = 32), -- of what was asked for
      deadline_s int,
      state text NOT NULL DEFAULT 'queued' CHECK (state IN
        ('queued', 'submitting', 'pending', 'running', 'finished', 'failed', 'cancelled')),
      cause text CHECK (cause IN ('build', 'scan', 'refused', 'image', 'oom', 'deadline', 'disk',
        'evicted', 'exit', 'no-result', 'bad-result', 'log-limit', 'lost', 'engine', 'conflict')),
      reason text,            -- one line for people
      step text,              -- of a running job
      attempt int NOT NULL DEFAULT 0, workflow_uid text,
      not_before timestamptz, -- of a queued job that the cluster had no room for
      cancel_asked boolean NOT NULL DEFAULT false,
      version bigint NOT NULL DEFAULT 1, -- grows with every change that a client can see
      created_at timestamptz NOT NULL DEFAULT now(),
      changed_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (owner, number),
      CHECK ((state = 'failed') = (cause IS NOT NULL)));
    CREATE INDEX job_queued ON job (owner, number) WHERE state = 'queued';
    CREATE INDEX job_active ON job (state) WHERE state IN ('queued', 'submitting', 'pending', 'running');
    CREATE INDEX job_final ON job (changed_at) WHERE state IN ('finished', 'failed', 'cancelled');

    -- Every change of state after `queued`, of which the job itself tells.
    CREATE TABLE transition (
      job uuid NOT NULL REFERENCES job ON DELETE CASCADE,
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      state text NOT NULL, reason text);
    CREATE INDEX ON transition (job);

    CREATE TABLE result (
      job uuid PRIMARY KEY REFERENCES job ON DELETE CASCADE,
      attempt int NOT NULL, workflow_uid text NOT NULL,
      perf double precision NOT NULL,
      at timestamptz NOT NULL DEFAULT now());

    CREATE TABLE idempotency (
      owner int NOT NULL REFERENCES owner ON DELETE CASCADE,
      key text NOT NULL, digest bytea NOT NULL,
      job uuid NOT NULL REFERENCES job ON DELETE CASCADE,
      at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (owner, key));
    CREATE INDEX ON idempotency (job);
    CREATE INDEX ON idempotency (at);

    CREATE TABLE log (
      job uuid NOT NULL REFERENCES job ON DELETE CASCADE,
      at_byte bigint NOT NULL, bytes bytea NOT NULL,
      PRIMARY KEY (job, at_byte));
    CREATE TABLE log_source ( -- a container whose output is a part of its job's log
      job uuid NOT NULL REFERENCES job ON DELETE CASCADE,
      number int NOT NULL,  -- its place in the log
      space text NOT NULL, pod text NOT NULL, uid text NOT NULL, container text NOT NULL,
      label text NOT NULL,  -- what its heading says
      counted boolean NOT NULL, -- its last line says how many bytes there are
      from_byte bigint,     -- where it begins in the log; NULL: not yet
      stored bigint NOT NULL DEFAULT 0, -- bytes of it that are there
      expected bigint,      -- bytes that it printed, where that is known
      complete boolean, reason text, -- NULL: it has not ended
      PRIMARY KEY (job, number), UNIQUE (job, uid, container));
    CREATE TABLE log_end ( -- when no more will come
      job uuid PRIMARY KEY REFERENCES job ON DELETE CASCADE,
      bytes bigint NOT NULL, complete boolean NOT NULL, reason text);

    CREATE TABLE dispatcher (name text PRIMARY KEY, looked_at timestamptz NOT NULL);

    CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql SET search_path = jobs, pg_temp AS $f$
    BEGIN
      IF TG_OP = 'UPDATE' THEN
        IF OLD.state IN ('finished', 'failed', 'cancelled') AND NEW.state <> OLD.state THEN
          RAISE EXCEPTION 'job % is % for good', OLD.id, OLD.state;
        END IF;
        IF (NEW.state, NEW.step, NEW.reason, NEW.cancel_asked)
           IS DISTINCT FROM (OLD.state, OLD.step, OLD.reason, OLD.cancel_asked) THEN
          NEW.version := OLD.version + 1;
          NEW.changed_at := clock_timestamp();
          INSERT INTO transition (job, state, reason) VALUES (NEW.id, NEW.state, NEW.reason);
          IF NEW.state <> OLD.state AND NEW.state IN ('finished', 'failed', 'cancelled') THEN
            UPDATE owner_count c SET active = c.active - 1 WHERE c.owner = NEW.owner;
          END IF;
          IF OLD.state = 'queued' AND NEW.state = 'cancelled' THEN
            -- It has no pods, so no dispatcher may ever come to say that its log has ended.
            INSERT INTO log_end (job, bytes, complete) SELECT NEW.id, 0, true
             WHERE NOT EXISTS (SELECT FROM log_source s WHERE s.job = NEW.id) ON CONFLICT DO NOTHING;
          END IF;
        END IF;
      END IF;
      RETURN NEW;
    END $f$;
    CREATE TRIGGER job_change BEFORE UPDATE ON job FOR EACH ROW EXECUTE FUNCTION note_change();

    COMMENT ON SCHEMA jobs IS 'job_service: version 1';
  END IF;
END $$;

-- Whose token it is; NULL for one that is unknown, not yet or no longer valid, revoked, or without
-- the scope. The token itself is the argument, because a hash could be replayed. Without a search
-- path of its own, and with whole names instead, it becomes a part of the queries that call it.
CREATE OR REPLACE FUNCTION token_owner(the_token text, scope text, OUT owner int, OUT problem text)
RETURNS SETOF record LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p.problem IS NULL THEN coalesce(t.owner, a.id) END, p.problem
    FROM (SELECT) always
    LEFT JOIN jobs.token t ON t.hash = sha256(convert_to(the_token, 'UTF8')) AND t.revoked_at IS NULL
     AND coalesce(t.not_before <= now(), true) AND coalesce(t.expires_at > now(), true)
    LEFT JOIN jobs.owner a ON a.anonymous AND the_token IS NULL
   CROSS JOIN LATERAL (SELECT CASE
      WHEN the_token IS NULL THEN CASE WHEN a.id IS NULL OR scope = 'cancel' THEN 'token-missing' END
      WHEN t.owner IS NULL THEN 'token-unknown'
      WHEN NOT scope = ANY (t.scopes) THEN 'token-scope' END AS problem) p
$$;

-- Jobs into the queue, several in one transaction; outcome is `accepted`, `repeated` (the key was
-- used for the very same job: its answer again), or what is wrong. A row a job.
CREATE OR REPLACE FUNCTION jobs_v1.submit(tokens text[], kinds text[], names text[], parameters text[],
  filenames text[], files bytea[], digests bytea[], keys text[], deadlines int[],
  OUT item int, OUT outcome text, OUT id uuid, OUT number bigint, OUT retry_after int)
RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
DECLARE
  asked record;
  kept record;
  got record;                 -- the owner's counts, locked, and limits
  held int;                   -- whose they are
  left_over double precision; -- jobs that the rate allows now
  today date;                 -- UTC, once the lock is held
  -- Of accepted jobs, and of their owners: written at the end, as statements are what costs.
  items int[] := '{}'; ids uuid[]; owners int[]; numbers bigint[]; new_keys text[];
  counts owner_count;
  counted owner_count[];
  first int;                  -- where the held owner's jobs begin
  spot int;
BEGIN
  IF cardinality(tokens) NOT BETWEEN 1 AND 100 THEN RAISE EXCEPTION 'from 1 to 100 jobs at once'; END IF;
  -- By owner, so that an owner's counts are locked once.
  FOR asked IN
    SELECT i, who.owner, who.problem FROM generate_subscripts(tokens, 1) i,
           token_owner(tokens[i], 'submit') who ORDER BY who.owner, i
  LOOP
    item := asked.i; outcome := asked.problem; id := NULL; number := NULL; retry_after := NULL;
    IF asked.owner IS NULL THEN RETURN NEXT; CONTINUE; END IF;

    IF asked.owner IS DISTINCT FROM held THEN
      IF cardinality(items) >= first THEN counted := array_append(counted, counts); END IF;
      held := NULL;
      first := cardinality(items) + 1;
      -- The row of counts is the owner's lock. Who finds it taken comes again: waiting here would
      -- make other owners wait, too.
      SELECT c AS counts, o.per_minute, o.per_day, o.active_max INTO got
        FROM owner_count c JOIN owner o ON o.id = c.owner
       WHERE c.owner = asked.owner FOR UPDATE OF c SKIP LOCKED;
      IF NOT FOUND THEN outcome := 'busy'; RETURN NEXT; CONTINUE; END IF;
      held := asked.owner;
      counts := got.counts;
      today := (clock_timestamp() AT TIME ZONE 'UTC')::date;
      left_over := least(got.per_minute, coalesce(counts.credit + got.per_minute / 60.0 *
        extract(epoch FROM clock_timestamp() - counts.credit_at), got.per_minute));
      IF counts.day IS NULL OR counts.day < today THEN
        counts.day := today; counts.day_count := 0;
      END IF;
    END IF;

    IF keys[item] IS NOT NULL THEN
      spot := array_position(new_keys, keys[item], first);
      IF spot IS NOT NULL THEN
        SELECT digests[items[spot]] AS digest, ids[spot] AS id, numbers[spot] AS number INTO kept;
      ELSE
        SELECT k.digest, j.id, j.number INTO kept FROM idempotency k JOIN job j ON j.id = k.job
         WHERE k.owner = held AND k.key = keys[item] AND k.at > now() - interval '1 day';
      END IF;
      IF FOUND THEN
        IF kept.digest = digests[item] THEN
          outcome := 'repeated'; id := kept.id; number := kept.number;
        ELSE
          outcome := 'key-used';
        END IF;
        RETURN NEXT; CONTINUE;
      END IF;
    END IF;

    IF left_over < 1 THEN
      outcome := 'rate'; retry_after := ceil((1 - left_over) * 60 / got.per_minute);
    ELSIF counts.day_count >= got.per_day THEN
      outcome := 'day';
      retry_after := ceil(extract(epoch FROM today + 1 - (now() AT TIME ZONE 'UTC')));
    ELSIF counts.active >= got.active_max THEN
      outcome := 'active'; retry_after := 10;
    ELSE
      left_over := left_over - 1;
      counts.last_number := counts.last_number + 1;
      counts.active := counts.active + 1;
      counts.day_count := counts.day_count + 1;
      counts.credit := left_over;
      counts.credit_at := clock_timestamp();
      outcome := 'accepted'; id := gen_random_uuid(); number := counts.last_number;
      spot := cardinality(items) + 1;
      items[spot] := item; ids[spot] := id; owners[spot] := held; numbers[spot] := number;
      new_keys[spot] := keys[item];
    END IF;
    RETURN NEXT;
  END LOOP;
  IF cardinality(items) >= first THEN counted := array_append(counted, counts); END IF;
  IF cardinality(items) = 0 THEN RETURN; END IF;

  UPDATE owner_count c SET last_number = n.last_number, active = n.active, credit = n.credit,
      credit_at = n.credit_at, day = n.day, day_count = n.day_count
    FROM unnest(counted) n WHERE c.owner = n.owner;
  INSERT INTO job (id, owner, number, kind, name, parameters, filename, file, digest, deadline_s)
    SELECT n.id, n.owner, n.number, kinds[n.item], names[n.item], parameters[n.item]::jsonb,
           filenames[n.item], files[n.item], digests[n.item], deadlines[n.item]
      FROM unnest(ids, owners, numbers, items) n (id, owner, number, item);
  IF cardinality(array_remove(new_keys, NULL)) > 0 THEN
    INSERT INTO idempotency (owner, key, digest, job)
      SELECT n.owner, n.key, digests[n.item], n.id
        FROM unnest(ids, owners, items, new_keys) n (id, owner, item, key) WHERE n.key IS NOT NULL
      ON CONFLICT (owner, key) DO UPDATE SET digest = excluded.digest, job = excluded.job, at = now();
  END IF;
END $$;

-- What a client sees of a job. place counts the owner's jobs before it that wait, from 1.
CREATE OR REPLACE FUNCTION shown(j job, OUT id uuid, OUT number bigint, OUT kind text, OUT name text,
  OUT state text, OUT step text, OUT cause text, OUT reason text, OUT perf double precision,
  OUT version bigint, OUT place bigint, OUT cancel_asked boolean, OUT filename text,
  OUT created_at text, OUT changed_at text, OUT deadline_s int)
LANGUAGE sql STABLE SET search_path = jobs, pg_temp AS $$
  SELECT j.id, j.number, j.kind, j.name, j.state, j.step, j.cause, j.reason,
         (SELECT r.perf FROM result r WHERE r.job = j.id), j.version,
         CASE WHEN j.state = 'queued' THEN (SELECT count(*) FROM (SELECT FROM job w
           WHERE w.owner = j.owner AND w.state = 'queued' AND w.number <= j.number LIMIT 10000) f) END,
         j.cancel_asked, j.filename,
         to_char(j.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
         to_char(j.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), j.deadline_s
$$;

-- One job of the token's owner, by id or by its number; no row: there is none of that owner.
-- looked_s: seconds since a dispatcher last looked for work, NULL: never.
CREATE OR REPLACE FUNCTION jobs_v1.look(token text, the_id uuid, the_number bigint,
  OUT problem text, OUT job jsonb, OUT looked_s double precision)
RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
DECLARE
  who record;
BEGIN
  SELECT * INTO who FROM token_owner(token, 'read');
  problem := who.problem;
  IF who.owner IS NULL THEN RETURN NEXT; RETURN; END IF;
  SELECT extract(epoch FROM clock_timestamp() - max(d.looked_at)) INTO looked_s FROM dispatcher d;
  RETURN QUERY SELECT NULL::text, to_jsonb(s), look.looked_s FROM job j, shown(j) s
    WHERE j.owner = who.owner AND (j.id = the_id OR j.number = the_number);
END $$;

-- The owner's jobs, newest first, before number `below`, at most 100.
CREATE OR REPLACE FUNCTION jobs_v1.list(token text, the_state text, below bigint, most int,
  OUT problem text, OUT job jsonb)
RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
DECLARE
  who record;
BEGIN
  SELECT * INTO who FROM token_owner(token, 'read');
  problem := who.problem;
  IF who.owner IS NULL THEN RETURN NEXT; RETURN; END IF;
  RETURN QUERY SELECT NULL::text, to_jsonb(s) FROM
    (SELECT * FROM job j WHERE j.owner = who.owner AND (below IS NULL OR j.number < below)
        AND (the_state IS NULL OR j.state = the_state)
      ORDER BY j.number DESC LIMIT least(greatest(most, 1), 100)) j, shown(j) s;
END $$;

-- Ends a queued job at once and asks for the end of another; of a final job erases the log. Without
-- an id it ends all that are queued, the oldest 1000 of them; the row then has two numbers.
CREATE OR REPLACE FUNCTION jobs_v1.cancel(token text, the_id uuid, OUT problem text, OUT job jsonb)
RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
DECLARE
  who record;
  the_job job;
  ended bigint;
BEGIN
  SELECT * INTO who FROM token_owner(token, 'cancel');
  problem := who.problem;
  IF who.owner IS NULL THEN RETURN NEXT; RETURN; END IF;
  IF the_id IS NULL THEN
    UPDATE job j SET state = 'cancelled', cancel_asked = true, reason = 'cancelled before it started'
      FROM (SELECT w.id FROM job w WHERE w.owner = who.owner AND w.state = 'queued'
             ORDER BY w.number LIMIT 1000 FOR UPDATE) queued WHERE j.id = queued.id;
    GET DIAGNOSTICS ended = ROW_COUNT;
    cancel.job := jsonb_build_object('cancelled', ended, 'left', (SELECT count(*) FROM job w
      WHERE w.owner = who.owner AND w.state = 'queued'));
    RETURN NEXT; RETURN;
  END IF;
  SELECT j.* INTO the_job FROM job j WHERE j.owner = who.owner AND j.id = the_id FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  IF the_job.state = 'queued' THEN
    UPDATE job j SET state = 'cancelled', cancel_asked = true, reason = 'cancelled before it started'
     WHERE j.id = the_id;
  ELSIF the_job.state IN ('finished', 'failed', 'cancelled') THEN
    -- Whoever stores a container's output holds its row, and finds it gone.
    DELETE FROM log_source s WHERE s.job = the_id;
    DELETE FROM log l WHERE l.job = the_id;
    INSERT INTO log_end (job, bytes, complete, reason) VALUES (the_id, 0, false, 'erased by its owner')
    ON CONFLICT ON CONSTRAINT log_end_pkey DO UPDATE SET complete = false, reason = excluded.reason;
  ELSE
    UPDATE job j SET cancel_asked = true WHERE j.id = the_id;
  END IF;
  RETURN QUERY SELECT NULL::text, to_jsonb(s) FROM job j, shown(j) s WHERE j.id = the_id;
END $$;

-- Bytes of a job's log from an offset, at most 256 KiB; ended when no more will come.
CREATE OR REPLACE FUNCTION jobs_v1.logs(token text, the_id uuid, from_byte bigint, most bigint,
  OUT problem text, OUT bytes bytea, OUT stored bigint, OUT ended boolean, OUT complete boolean,
  OUT reason text)
RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
DECLARE
  who record;
  piece record;
BEGIN
  SELECT * INTO who FROM token_owner(token, 'read');
  problem := who.problem;
  IF who.owner IS NULL THEN RETURN NEXT; RETURN; END IF;
  PERFORM FROM job j WHERE j.owner = who.owner AND j.id = the_id;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT coalesce(max(l.at_byte + length(l.bytes)), 0) INTO stored FROM log l WHERE l.job = the_id;
  bytes := '';
  most := least(greatest(most, 0), 262144);
  FOR piece IN SELECT l.at_byte, l.bytes FROM log l WHERE l.job = the_id
      AND l.at_byte >= coalesce((SELECT max(b.at_byte) FROM log b
                                  WHERE b.job = the_id AND b.at_byte <= from_byte), 0)
      ORDER BY l.at_byte LOOP
    bytes := bytes || substr(piece.bytes, greatest(from_byte - piece.at_byte, 0)::int + 1);
    EXIT WHEN length(bytes) >= most;
  END LOOP;
  bytes := substr(bytes, 1, most::int);
  SELECT true, e.complete, e.reason INTO ended, complete, reason FROM log_end e WHERE e.job = the_id;
  ended := coalesce(ended, false);
  RETURN NEXT;
END $$;

-- Who the token's owner is, what it may do, what is left of it.
CREATE OR REPLACE FUNCTION jobs_v1.whoami(token text, OUT problem text, OUT owner jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
DECLARE
  who record;
  the_scopes text[] := ARRAY['submit', 'read'];
BEGIN
  SELECT * INTO who FROM token_owner(token, NULL);
  problem := who.problem;
  IF who.owner IS NULL THEN RETURN; END IF;
  IF token IS NOT NULL THEN
    SELECT t.scopes INTO the_scopes FROM token t WHERE t.hash = sha256(convert_to(token, 'UTF8'));
  END IF;
  SELECT jsonb_build_object('owner', o.name, 'scopes', the_scopes,
      'limits', jsonb_build_object('per_minute', o.per_minute, 'active', o.active_max, 'per_day', o.per_day),
      'left', jsonb_build_object(
        'per_minute', floor(least(o.per_minute, coalesce(c.credit + o.per_minute / 60.0 *
           extract(epoch FROM clock_timestamp() - c.credit_at), o.per_minute)))::bigint,
        'active', greatest(o.active_max - c.active, 0),
        'per_day', CASE WHEN c.day = (now() AT TIME ZONE 'UTC')::date
           THEN greatest(o.per_day - c.day_count, 0) ELSE o.per_day END))
    INTO owner FROM owner o JOIN owner_count c ON c.owner = o.id WHERE o.id = who.owner;
END $$;

-- For long polls, jobs that have another version than given; for event streams, which give the bytes
-- that they know of a log, those whose log has more or has ended. Ids are not guessable, and neither
-- version nor length says anything else.
CREATE OR REPLACE FUNCTION jobs_v1.changed(ids uuid[], versions bigint[], logs bigint[], OUT id uuid)
RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
  SELECT j.id FROM unnest(ids, versions, logs) AS asked (id, version, known) JOIN job j ON j.id = asked.id
   WHERE CASE WHEN asked.known IS NULL THEN j.version <> asked.version ELSE
     EXISTS (SELECT FROM log_end e WHERE e.job = j.id) OR asked.known < (SELECT l.at_byte + length(l.bytes)
       FROM log l WHERE l.job = j.id ORDER BY l.at_byte DESC LIMIT 1) END LIMIT 20000
$$;

-- Counts for /metrics and /readyz.
CREATE OR REPLACE FUNCTION jobs_v1.state(OUT version int, OUT looked_s double precision,
  OUT jobs_by_state jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
  SELECT 1, (SELECT extract(epoch FROM clock_timestamp() - max(looked_at)) FROM dispatcher),
    (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM
      (SELECT state, count(*) n FROM job WHERE state IN ('queued', 'submitting', 'pending', 'running')
        GROUP BY state) counted)
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA jobs, jobs_v1 FROM PUBLIC;
REVOKE ALL ON SCHEMA jobs, jobs_v1 FROM PUBLIC;
GRANT USAGE ON SCHEMA jobs_v1 TO jobs_api;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs_v1 TO jobs_api;
GRANT USAGE ON SCHEMA jobs TO jobs_dispatch;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO jobs_dispatch;
RESET ROLE;
-- It ends sessions of the api that hold a transaction, and so what others wait for.
GRANT jobs_api TO jobs_dispatch;

-- What a taken-over api could leave behind or hold on to.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND (p.proname ~ '^(lo_|loread|lowrite)' OR p.proname ~ '^pg_(try_)?advisory_' OR p.proname = 'pg_notify')
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', f, current_user);
  END LOOP;
END $$;
ALTER ROLE jobs_api SET statement_timeout = '10s';
ALTER ROLE jobs_api SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE jobs_api SET lock_timeout = '5s';
ALTER ROLE jobs_api SET log_parameter_max_length_on_error = 0;
ALTER ROLE jobs_api SET synchronous_commit = on;
-- Tokens are parameters: no log of slow or of all statements may show them.
DO $$
BEGIN
  ALTER ROLE jobs_api SET log_parameter_max_length = 0;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'a superuser must run: ALTER ROLE jobs_api SET log_parameter_max_length = 0'
    USING DETAIL = 'else tokens stand in the log where statements are logged';
END $$;
COMMIT;
