#include "common/postgres/setting_text.h"

#include <string.h>

#include "common/num.h"
#include "common/utf8.h"

enum { PORT_MAX = 65535 };

static bool is_control(const unsigned char *at, size_t width)
{
    return at[0] < 0x20 || at[0] == 0x7f || (width == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

bool setting_check_text(const char *name, const char *text, struct err *err)
{
    const unsigned char *at = (const unsigned char *)text;

    for (size_t left = strlen(text), width; left > 0; at += width, left -= width) {
        width = utf8_length(at, left);
        if (width == 0)
            return err_set(err, STATUS_USAGE, "%s is not UTF-8", name);
        if (at[0] == '\n' || at[0] == '\r')
            return err_set(err, STATUS_USAGE,
                           "%s has a line end in it; where it comes from a Secret or a file, make "
                           "that with printf instead of echo",
                           name);
        if (is_control(at, width))
            return err_set(err, STATUS_USAGE, "%s has a control character in it; take it out",
                           name);
    }
    return true;
}

static bool has_blank_end(const char *text, size_t len)
{
    return len > 0 && (text[0] == ' ' || text[len - 1] == ' ');
}

bool setting_check_ends(const char *name, const char *text, struct err *err)
{
    return !has_blank_end(text, strlen(text)) ||
           err_set(err, STATUS_USAGE, "%s begins or ends with a blank; take it out", name);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool setting_check_filled(const char *name, const char *text, struct err *err)
{
    for (const char *at = text; (at = strstr(at, "{{")) != NULL; at++) {
        const char *first = at + 2 + strspn(at + 2, " ");
        if ((*first == '=' || is_letter(*first)) && strstr(first, "}}") != NULL)
            return err_set(err, STATUS_USAGE,
                           "%s has an Argo expression in it, {{...}}, that was not filled in; look "
                           "for a misspelt name in the workflow",
                           name);
    }
    return true;
}

static bool check_host(const char *name, const char *host, size_t len, const char *port_name,
                       struct err *err)
{
    const char *colon = memchr(host, ':', len);

    if (len == 0 || host[0] == '/' || host[0] == '@')
        return true;
    if (memchr(host, '@', len) != NULL)
        return err_set(
            err, STATUS_USAGE,
            "%s has an '@' in it: name the host alone; user and password go into DB_USER "
            "and DB_PASSWORD",
            name);
    if (memchr(host, '[', len) != NULL || memchr(host, ']', len) != NULL)
        return err_set(err, STATUS_USAGE,
                       "%s has brackets in it: write an IPv6 address without them, and its port in "
                       "%s",
                       name, port_name);
    if (colon == NULL)
        return true;
    size_t digits = strspn(colon + 1, "0123456789"), rest = (size_t)(host + len - colon) - 1;
    return digits == 0 || digits < rest ||
           err_set(err, STATUS_USAGE,
                   "%s has a port in it: name the host alone, and the port in %s", name, port_name);
}

bool setting_check_hosts(const char *name, const char *hosts, const char *port_name,
                         struct err *err)
{
    if (strstr(hosts, "://") != NULL)
        return err_set(err, STATUS_USAGE, "%s is a host name, not a URI; pass a URI as --dsn",
                       name);
    if (!setting_check_text(name, hosts, err) || !setting_check_filled(name, hosts, err))
        return false;
    for (const char *at = hosts;; at++) {
        size_t len = strcspn(at, ",");
        if (has_blank_end(at, len))
            return err_set(err, STATUS_USAGE, "%s has a blank around a host; take it out", name);
        if (!check_host(name, at, len, port_name, err))
            return false;
        at += len;
        if (*at == '\0')
            return true;
    }
}

bool setting_check_ports(const char *name, const char *ports, struct err *err)
{
    char port[8];
    uint64_t number;

    for (const char *at = ports;; at++) {
        size_t len = strcspn(at, ",");
        memcpy(port, at, len < sizeof port ? len : 0);
        port[len < sizeof port ? len : 0] = '\0';
        if (has_blank_end(at, len))
            return err_set(err, STATUS_USAGE, "%s has a blank around a port; take it out", name);
        if (len > 0 && (!num_u64(port, &number) || number < 1 || number > PORT_MAX))
            return err_set(
                err, STATUS_USAGE, "%s has a port that is not a number from 1 to %d%s", name,
                PORT_MAX,
                strcmp(name, "--dsn") == 0 ? "; in a URI, write / in a user's name as %2F" : "");
        at += len;
        if (*at == '\0')
            return true;
    }
}

bool setting_check_database(const char *name, const char *database, struct err *err)
{
    if (strstr(database, "://") != NULL)
        return err_set(err, STATUS_USAGE, "%s is a database's name, not a URI; pass a URI as --dsn",
                       name);
    return setting_check_text(name, database, err);
}
