/*
 * The digest that names an input: XXH3-128 over the digests of its files in ascending order, so
 * that their order does not matter; a file's is XXH3-128 over those of its blocks. Pure. Allocates
 * 16 bytes a file. Source of the bytes: xxHash's canonical (big-endian) form.
 */
#ifndef AGGREGATOR_READ_INPUT_DIGEST_H
#define AGGREGATOR_READ_INPUT_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "aggregator/read/block_digest.h"

enum { DIGEST_TEXT = 2 * DIGEST_BYTES + 1 };

struct input_digest;

struct input_digest *input_digest_new(void);         /* NULL without memory */
void input_digest_free(struct input_digest *digest); /* accepts NULL */

/* A block's digest, in the input's order. */
void input_digest_add(struct input_digest *digest, const unsigned char block[DIGEST_BYTES]);

/* After a file's last block; false without memory. */
bool input_digest_end_file(struct input_digest *digest);

/*
 * In hex. *ret_in_order is over the files in the order given, as runs in older ledgers were named.
 * Sorts the files' digests: call it once, after the last file.
 */
void input_digest_finish(struct input_digest *digest, char ret[DIGEST_TEXT],
                         char ret_in_order[DIGEST_TEXT]);

#endif
