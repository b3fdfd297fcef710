#include "gvisor_probe/words/permission.h"

bool dac_allows(uint32_t mode, uint64_t owner, uint64_t group, const struct identity *self,
                unsigned want)
{
    bool member = self->gid == group;

    for (size_t i = 0; i < self->group_count; i++)
        member = member || self->groups[i] == group;
    unsigned granted = mode >> (self->uid == owner ? 6 : member ? 3 : 0) & 7;
    if (self->capabilities >> CAPABILITY_DAC_OVERRIDE & 1)
        granted |= 6 | ((mode & 0111) != 0 ? 1 : 0) | ((mode & 0170000) == 0040000 ? 1 : 0);
    if (self->capabilities >> CAPABILITY_DAC_READ_SEARCH & 1)
        granted |= (mode & 0170000) == 0040000 ? 5 : 4;
    return (granted & want) == want;
}
