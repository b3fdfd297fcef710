/*
 * From what a command line says to the files of the input: a directory stands for the files in it,
 * an s3:// prefix for its objects, a list for the names that it holds. All of them are looked at
 * here, so that what is missing or may not be read is known before the first of them is read.
 */
#ifndef AGGREGATOR_READ_NAMES_H
#define AGGREGATOR_READ_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct s3;
struct s3_range;

struct names_request {
    char *const *operands;
    size_t count;
    const char *list;             /* a file of more operands, or NULL; "-" is standard input */
    bool nul;                     /* they end in NUL there, not in a newline */
    bool recursive;               /* directories in directories too */
    struct s3 *s3;                /* lists objects; NULL: there are none */
    const struct s3_range *range; /* of objects, or NULL: all */
    uint64_t limit;               /* bytes that names and what is known of each file may take */
};

/* What its list said of an object; of a file there is nothing. */
struct name_facts {
    uint64_t size;
    char *etag; /* owned; NULL: none */
};

struct names {
    char **item;
    struct name_facts *facts; /* as many */
    size_t objects;           /* how many of them are objects */
    bool prefixes;            /* objects were asked for, though there may be none */
    size_t count, room;
    uint64_t bytes; /* counted against the limit */
    /* In directories, left alone: subdirectories, symbolic links, pipes and devices. */
    uint64_t directories, links, specials;
};

/*
 * Operands in their order, then the list's; the files of each directory in byte order of their
 * paths, hidden ones left out; the objects of each s3:// prefix in byte order of their keys, none
 * where it is empty. REFUSED where something is missing or unreadable, or a directory or
 * the list holds nothing to read; USAGE for what is not a list of names, and past the limit.
 */
bool names_find(struct names *names, const struct names_request *request, struct err *err);
void names_release(struct names *names);

/*
 * For a run that was REFUSED: where a file that was found is gone since, *err becomes TRANSIENT and
 * says so.
 */
void names_explain(const struct names *names, struct err *err);

#endif
