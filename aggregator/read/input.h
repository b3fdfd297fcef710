/*
 * The files of the input, one by one: what is known of them before they are read, opening them,
 * reading by offset, and whether they are still what was opened. "-" is standard input, and
 * s3://BUCKET/KEY an object.
 */
#ifndef AGGREGATOR_READ_INPUT_H
#define AGGREGATOR_READ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/err.h"

struct s3;
struct s3_stream;

struct input {
    const char *label;        /* what to call it in messages, borrowed */
    int fd;                   /* -1: not open, or an object */
    struct s3_stream *stream; /* of an object, or NULL */
    uint64_t base, size;      /* of a plain file: bytes before the start; bytes in all */
    struct stat opened;       /* as it was then */
};

/* REFUSED where there is none, or no right to it, or it is a directory. */
bool input_open(struct input *input, const char *name, struct err *err);

/* s3://BUCKET/KEY; nothing is sent yet. */
bool input_open_object(struct input *input, struct s3 *s3, const char *name, struct err *err);

void input_close(struct input *input); /* also when it is not open */

/* Also false when it is not open, or not a file with a size and a time. */
bool input_has_changed(const struct input *input);

/* All len bytes, or fewer at the end of the file; -1: errno says why not. */
ssize_t input_read_at(const struct input *input, unsigned char *to, size_t len, off_t offset);

/* INPUT where a file that turned out empty has the name of a compressed one. */
bool input_check_empty(const struct input *input, struct err *err);

const char *input_label(const char *name);

/*
 * For a run that reads `name` because no FILE was named. USAGE when that file exists and standard
 * input is a pipe with data: either may be meant. Waits up to a second for a pipe's writer.
 */
bool input_check_stdin(const char *name, struct err *err);

/* USAGE where two names are one regular file, whose events would count twice. */
bool inputs_check_distinct(char *const *names, size_t count, struct err *err);

/* Bytes of all files as they are stored, for progress; 0 when unknown. */
uint64_t inputs_size(char *const *names, size_t count);

#endif
