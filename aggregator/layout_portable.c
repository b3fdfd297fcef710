#include "aggregator/layout.h"

#include <string.h>

#include "common/json_scan.h"

static inline bool same(const unsigned char *p, const unsigned char *literal, size_t len)
{
    return memcmp(p, literal, len) == 0;
}

static inline const unsigned char *string_end(const unsigned char *p, const unsigned char *bound)
{
    for (; p < bound; p++) {
        if (*p == '"')
            return p;
        if (*p < 0x20 || *p >= 0x80 || *p == '\\')
            return NULL;
    }
    return NULL;
}

#include "aggregator/layout_body.h"

const unsigned char *layout_match_portable(const struct layout *layout,
                                           const struct scan_rules *rules, const unsigned char *p,
                                           const unsigned char *limit, struct scan_result *ret)
{
    return match(layout, rules, p, limit, ret);
}
