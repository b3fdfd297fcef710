/* The header Range (RFC 9110, 14.2), of one range of bytes. Pure. */
#ifndef JOB_SERVICE_ROUTE_RANGE_H
#define JOB_SERVICE_ROUTE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
    bool asked, suffix;
    uint64_t first, last; /* both included; of a suffix, last is how many bytes */
};

/* Several ranges, other units and what is malformed ask for nothing: the whole is the answer. */
struct range range_read(const char *value);

#endif
