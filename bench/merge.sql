BEGIN;
CREATE TEMP TABLE staged ("userId" text COLLATE "C", "sessionDuration" bigint) ON COMMIT DROP;
\copy staged FROM 'TOTALS' CSV HEADER
ANALYZE staged;
INSERT INTO session_duration AS target SELECT * FROM staged ORDER BY "userId"
    ON CONFLICT ("userId") DO UPDATE
    SET "sessionDuration" = target."sessionDuration" + excluded."sessionDuration";
COMMIT;
