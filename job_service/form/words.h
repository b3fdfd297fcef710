/*
 * A place in a Dockerfile, and the words there. Pure.
 *
 * It steps over continuations, and over the comments and empty lines within them, as if an
 * instruction were one line. Columns count bytes from 1.
 */
#ifndef JOB_SERVICE_FORM_WORDS_H
#define JOB_SERVICE_FORM_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum { WORD_TEXT_MAX = 511 };

struct cursor {
    const char *p, *end;
    unsigned line, column;
    char escape;
};

struct word {
    char text[WORD_TEXT_MAX + 1]; /* as much of it as fits */
    unsigned line, column;
    bool cut;  /* not all of it fitted */
    bool open; /* it ended within quotes */
};

void cursor_step(struct cursor *at);
void cursor_end_line(struct cursor *at);

/* Past lines that hold nothing, or a comment. */
void cursor_skip_idle(struct cursor *at);

/* The next byte of the instruction, or -1 at its end. */
int cursor_peek(struct cursor *at);

void cursor_skip_blanks(struct cursor *at);
void cursor_end_instruction(struct cursor *at);

/* The next word, up to a blank; "" at the end of the instruction. */
void word_next(struct cursor *at, struct word *ret);

/* The same, but blanks in quotes belong to it. The quotes stay. */
void word_next_quoted(struct cursor *at, struct word *ret);

/* An option, `--name` or `--name=value`, without its quotes; false: there is no further one. */
bool word_next_option(struct cursor *at, struct word *ret);

/* INPUT with "Dockerfile:LINE:COLUMN: " before the text; returns false. */
bool word_wrong(const struct word *word, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
