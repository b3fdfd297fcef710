-- Who may do what in the trial server, said again at each of its starts. LOADER and LOADER_PASSWORD are
-- in the environment.
\getenv loader LOADER
\getenv password LOADER_PASSWORD
SET client_min_messages = warning;
-- A statement that fails is logged, with its password, unless it is told not to be.
SET log_min_error_statement = panic;
SET log_statement = none;
SET log_min_duration_statement = -1;

SELECT format('CREATE ROLE %I', role) FROM unnest(ARRAY['aggregator', 'aggregator_owner', :'loader']) role
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

-- Loads, and nothing else: SELECT, INSERT and UPDATE on two tables, which tables.sql grants.
ALTER ROLE :"loader" LOGIN PASSWORD :'password';
GRANT aggregator TO :"loader";
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO :"loader";

-- Owns the schema and the tables in it, and nothing else; nobody logs in as it.
ALTER SCHEMA public OWNER TO aggregator_owner;
GRANT TEMPORARY ON DATABASE :"DBNAME" TO aggregator_owner WITH GRANT OPTION;
SET ROLE aggregator_owner;
