#include "job_service/route/route.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "common/num.h"

static const struct {
    const char *method, *pattern;
    enum route route;
    const char *allow;
} routes[] = {
    {"GET", "/hello", ROUTE_HELLO, "GET, HEAD"},
    {"POST", "/jobs", ROUTE_JOBS, "POST"},
    {"POST", "/job/build", ROUTE_BUILD, "POST, PUT"},
    {"PUT", "/job/build", ROUTE_BUILD, "POST, PUT"},
    {"GET", "/job/performance/{number}", ROUTE_PERFORMANCE, "GET, HEAD"},
    {"POST", "/v1/jobs", ROUTE_SUBMIT, "GET, HEAD, POST, DELETE"},
    {"GET", "/v1/jobs", ROUTE_LIST, "GET, HEAD, POST, DELETE"},
    {"DELETE", "/v1/jobs", ROUTE_CANCEL_QUEUED, "GET, HEAD, POST, DELETE"},
    {"GET", "/v1/jobs/{id}", ROUTE_LOOK, "GET, HEAD, DELETE"},
    {"DELETE", "/v1/jobs/{id}", ROUTE_CANCEL, "GET, HEAD, DELETE"},
    {"GET", "/v1/jobs/{id}/logs", ROUTE_LOGS, "GET, HEAD"},
    {"GET", "/v1/whoami", ROUTE_WHOAMI, "GET, HEAD"},
    {"GET", "/healthz", ROUTE_HEALTHZ, "GET, HEAD"},
    {"GET", "/readyz", ROUTE_READYZ, "GET, HEAD"},
    {"GET", "/openapi.json", ROUTE_OPENAPI, "GET, HEAD"},
};

enum { COUNT = sizeof routes / sizeof *routes };

static bool take_id(const char *text, size_t len, char id[JOB_ID_TEXT + 1])
{
    if (len != JOB_ID_TEXT)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char digit = (char)tolower((unsigned char)text[i]);
        if (dash ? digit != '-' : strchr("0123456789abcdef", digit) == NULL)
            return false;
        id[i] = digit;
    }
    id[len] = '\0';
    return true;
}

static bool take_number(const char *text, size_t len, uint64_t *ret)
{
    char digits[20];

    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    return num_u64(digits, ret) && *ret <= INT64_MAX;
}

static bool matches(const char *pattern, const char *path, struct route_match *ret)
{
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        bool id = strncmp(pattern, "{id}", 4) == 0;
        if (id ? !take_id(path, len, ret->id) : !take_number(path, len, &ret->number))
            return false;
        path += len;
        pattern = strchr(pattern, '}') + 1;
    }
    return *path == '\0';
}

enum route_outcome route_find(const char *method, const char *path, struct route_match *ret)
{
    enum route_outcome outcome = ROUTE_UNKNOWN;

    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    *ret = (struct route_match){0};
    for (size_t i = 0; i < COUNT; i++) {
        if (!matches(routes[i].pattern, path, ret))
            continue;
        ret->route = routes[i].route;
        ret->allow = routes[i].allow;
        if (strcmp(routes[i].method, method) == 0)
            return ROUTE_FOUND;
        outcome = ROUTE_OTHER_METHOD;
    }
    return outcome;
}

bool route_submits(enum route route)
{
    return route == ROUTE_JOBS || route == ROUTE_BUILD || route == ROUTE_SUBMIT;
}

const char *route_pattern(enum route route)
{
    for (size_t i = 0; i < COUNT; i++)
        if (routes[i].route == route)
            return routes[i].pattern;
    return route == ROUTE_METRICS ? "/metrics" : "none";
}
