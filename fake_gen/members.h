/* Text into BGZF members (common/bgzf.h), with zlib. One packer belongs to one thread. Pure. */
#ifndef FAKE_GEN_MEMBERS_H
#define FAKE_GEN_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct packer;

/* level is 1 to 9; text_max bounds what one call will pack. NULL without memory. */
struct packer *packer_new(int level, size_t text_max);
void packer_free(struct packer *packer); /* accepts NULL */

/*
 * Packs text into members, each of as many whole lines as BGZF_TEXT_CUT allows (a longer line is
 * cut), so the bytes depend on the text and the level alone. *ret is the packer's until its next
 * call. No end marker is added.
 */
bool packer_pack(struct packer *packer, const char *text, size_t len, const void **ret,
                 size_t *ret_len, struct err *err);

#endif
