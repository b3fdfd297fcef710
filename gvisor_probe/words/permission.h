/* Unix permissions: what owner, group and mode bits allow. Pure. */
#ifndef GVISOR_PROBE_WORDS_PERMISSION_H
#define GVISOR_PROBE_WORDS_PERMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Capability numbers (capabilities(7)). */
enum { CAPABILITY_DAC_OVERRIDE = 1, CAPABILITY_DAC_READ_SEARCH = 2 };

struct unix_directory {
    uint32_t mode, uid, gid;
};

struct identity {
    uint64_t uid, gid; /* effective */
    const uint32_t *groups;
    size_t group_count;
    uint64_t capabilities; /* effective, as a bit mask */
};

/* Do owner, group and mode allow `want` (bits: 4 read, 2 write, 1 search or execute) to self? */
bool dac_allows(uint32_t mode, uint64_t owner, uint64_t group, const struct identity *self,
                unsigned want);

#endif
