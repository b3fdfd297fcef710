/*
 * The text of a token: "ajt_", 256 random bits and a checksum, in letters and digits. Pure.
 *
 * The prefix lets scanners of repositories find one; the checksum lets a mistyped one be refused
 * without asking the database. What the database keeps is SHA-256 of the text: with 256 random bits
 * there is nothing to guess, so a slow hash would add nothing.
 */
#ifndef JOB_SERVICE_TOKEN_TOKEN_H
#define JOB_SERVICE_TOKEN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TOKEN_RANDOM_BYTES = 32,
    TOKEN_TEXT = 4 + 43 + 6, /* prefix, random bits, checksum */
    TOKEN_CHOSEN_MAX = 256,  /* of one that somebody chose */
    TOKEN_HINT = 8,          /* characters that lists and logs may show */
};

void token_make(char out[TOKEN_TEXT + 1], const uint8_t random[TOKEN_RANDOM_BYTES]);

/* Whether text looks like one of ours and its checksum fits. */
bool token_is_drawn(const char *text);

/*
 * Whether text can be a token at all: 1 to TOKEN_CHOSEN_MAX printable ASCII without a blank, and
 * whole where it begins as ours do. No database needs to be asked about others.
 */
bool token_may_be_one(const char *text);

#endif
