#include "common/postgres/pg_params.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/postgres/pg_failure.h"
#include "common/postgres/setting_text.h"

const char *pg_params_get(const struct pg_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->name[i], name) == 0)
            return params->value[i];
    return NULL;
}

void pg_params_put(struct pg_params *params, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0' || params->count == PG_PARAMS_MAX ||
        pg_params_get(params, name) != NULL)
        return;
    params->name[params->count] = name;
    params->value[params->count++] = value;
}

void pg_params_set(struct pg_params *params, const char *name, const char *value)
{
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->name[i], name) == 0)
            params->value[i] = value;
    pg_params_put(params, name, value);
}

void pg_params_hide(const struct pg_params *params, char *text)
{
    static const char *const shown[] = {"host",        "hostaddr", "port",    "user",
                                        "dbname",      "service",  "sslcert", "sslkey",
                                        "sslrootcert", "sslcrl",   "passfile"};

    for (size_t p = 0; p < params->count; p++) {
        bool keep = false;
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
            keep = keep || strcmp(params->name[p], shown[i]) == 0;
        if (!keep)
            pg_failure_hide(text, params->value[p]);
    }
}

/* A parameter and where it is from. value is NULL when only a service file may know it. */
struct origin {
    const char *value, *name;
};

static struct origin find_origin(const struct pg_params *params, const char *parameter,
                                 const char *own_value, const char *own_name, const char *env)
{
    const char *text = pg_params_get(params, parameter);
    if (text != NULL)
        return (struct origin){text, "--dsn"};
    if (own_value != NULL)
        return (struct origin){own_value, own_name};
    text = getenv(env);
    return (struct origin){text == NULL || text[0] == '\0' ? NULL : text, env};
}

/* postgresql://u:a/b@h/d reads as host u, port a, database b@h/d. */
static bool check_split(const char *dsn, const struct pg_params *params, struct err *err)
{
    const char *database = pg_params_get(params, "dbname");

    return dsn == NULL || strncmp(dsn, "postgres", strlen("postgres")) != 0 ||
           strchr(dsn, '@') == NULL || pg_params_get(params, "user") != NULL || database == NULL ||
           strchr(database, '@') == NULL ||
           err_set(
               err, STATUS_USAGE,
               "--dsn has an '@' after a '/'; write / in a user's name as %%2F, @ in a database "
               "name as %%40, and no password");
}

bool pg_params_check(const struct pg_params *params, const struct pg_settings *settings,
                     struct err *err)
{
    const struct origin host = find_origin(params, "host", settings->host, "DB_URL", "PGHOST");
    const struct origin port = find_origin(params, "port", settings->port, "DB_PORT", "PGPORT");
    const struct origin user = find_origin(params, "user", settings->user, "DB_USER", "PGUSER");
    const struct origin name =
        find_origin(params, "dbname", settings->name, "DB_NAME", "PGDATABASE");
    const char *for_ports = strcmp(host.name, "DB_URL") == 0   ? "DB_PORT"
                            : strcmp(host.name, "PGHOST") == 0 ? "PGPORT"
                                                               : "port=";

    return check_split(settings->dsn, params, err) &&
           (host.value == NULL || setting_check_hosts(host.name, host.value, for_ports, err)) &&
           (port.value == NULL || setting_check_ports(port.name, port.value, err)) &&
           (user.value == NULL || setting_check_text(user.name, user.value, err)) &&
           (name.value == NULL || setting_check_database(name.name, name.value, err));
}

/* A default that the service file and the environment override, but not libpq. */
static void set_default(const char *env, const char *value)
{
    const char *set = getenv(env);
    if (value != NULL && (set == NULL || set[0] == '\0'))
        (void)setenv(env, value, 1);
}

static bool is_local(const char *host, size_t len)
{
    char name[64];
    struct in_addr v4;

    if (len == 0 || host[0] == '/' || host[0] == '@')
        return true;
    if (len >= sizeof name)
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    if (strcmp(name, "localhost") == 0 || strcmp(name, "::1") == 0)
        return true;
    return inet_pton(AF_INET, name, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

static bool all_local(const char *hosts)
{
    for (;;) {
        size_t len = strcspn(hosts, ",");
        if (!is_local(hosts, len))
            return false;
        if (hosts[len] == '\0')
            return true;
        hosts += len + 1;
    }
}

static const char *first_of(const char *a, const char *b)
{
    return a != NULL && a[0] != '\0' ? a : b;
}

/* The system's certificates, unless the user or the home directory provides others. */
static const char *system_certificates(void)
{
    static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    char own[4096];
    const char *home = getenv("HOME");

    if (home != NULL && snprintf(own, sizeof own, "%s/.postgresql/root.crt", home) > 0 &&
        access(own, R_OK) == 0)
        return NULL;
    for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++)
        if (access(bundles[i], R_OK) == 0)
            return bundles[i];
    return NULL;
}

/* The value that libpq will use, unless a service file has another. */
static const char *setting(const struct pg_params *params, const char *name, const char *env)
{
    return first_of(pg_params_get(params, name), first_of(getenv(env), ""));
}

/* Remote servers must prove their identity, unless the user says otherwise. */
static void set_defaults(const struct pg_params *params)
{
    const char *service = setting(params, "service", "PGSERVICE");
    const char *host = setting(params, "host", "PGHOST");
    const char *address = setting(params, "hostaddr", "PGHOSTADDR");

    /* A service file's host is unknown here. A remote name may have a local address, such as the
     * end of a tunnel. */
    bool unseen = service[0] != '\0' && host[0] == '\0' && address[0] == '\0';
    if (unseen || !all_local(host) || !all_local(address))
        set_default("PGSSLMODE", "verify-full");
    /* When it finds certificates, libpq checks the server in the other modes too. */
    if (strncmp(setting(params, "sslmode", "PGSSLMODE"), "verify-", strlen("verify-")) == 0)
        set_default("PGSSLROOTCERT", system_certificates());
    set_default("PGTARGETSESSIONATTRS", "primary");
}

void pg_params_complete(struct pg_params *params, const struct pg_settings *settings)
{
    pg_params_put(params, "user", settings->user);
    pg_params_put(params, "password", settings->password);
    if (pg_params_get(params, "hostaddr") == NULL)
        pg_params_put(params, "host", settings->host);
    pg_params_put(params, "dbname", settings->name);
    pg_params_put(params, "port", settings->port);
    set_defaults(params);
    pg_params_put(params, "fallback_application_name",
                  settings->program == NULL ? "aggregator" : settings->program);
    pg_params_put(params, "client_encoding", "UTF8");
    pg_params_put(params, "keepalives_idle", "30");
    pg_params_put(params, "keepalives_interval", "10");
    pg_params_put(params, "keepalives_count", "3");
    pg_params_put(params, "tcp_user_timeout", "60000");
    params->name[params->count] = params->value[params->count] = NULL;
}
