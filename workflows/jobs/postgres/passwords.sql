-- What the service logs in with, said again at each start of the server. API_PASSWORD and
-- DISPATCH_PASSWORD are in the environment.
\getenv api API_PASSWORD
\getenv dispatch DISPATCH_PASSWORD
-- A statement that fails is logged, with its password, unless it is told not to be.
SET log_min_error_statement = panic;
SET log_statement = none;
SET log_min_duration_statement = -1;
ALTER ROLE jobs_api PASSWORD :'api';
ALTER ROLE jobs_dispatch PASSWORD :'dispatch';
