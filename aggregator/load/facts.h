/*
 * The facts of a run, and where each is told: in the report, as a file of --outputs, in the
 * ledger. To tell another is to add a row in facts.c. Pure.
 */
#ifndef AGGREGATOR_LOAD_FACTS_H
#define AGGREGATOR_LOAD_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/totals/fold.h"
#include "common/machine.h"
#include "common/options.h"

/* Texts are borrowed. */
struct run_facts {
    const char *target;          /* the name in target.h */
    const char *run_id, *digest; /* NULL: not known */
    struct shard shard;
    uint64_t files, events;
    struct fold_result input;
    bool loaded;          /* the totals are in the table */
    bool already_applied; /* this run had been loaded before; nothing was changed */
    unsigned load_attempts;
    double read_seconds, load_seconds, seconds;
    struct usage usage;
    unsigned exit_status;
    const char *error; /* NULL: none */
    const char *version;
    const char *accepted; /* facts_accepted()'s, NULL: nothing */
    const char *top;      /* the largest totals, for people */

    const char *etag; /* of the object that is the run, or NULL */
    bool of_objects;  /* a run over many objects, which are runs of their own in the ledger */
    struct {
        uint64_t found, loaded, applied, refused;
        uint64_t requests, bytes;  /* what S3 was asked, what it sent of objects */
        const char *first_refused; /* why, with its name; "": none was */
    } objects;
};

enum fact_kind {
    FACT_TEXT,
    FACT_BOOL,
    FACT_U32,
    FACT_U64,
    FACT_U128,
    FACT_SECONDS,
    FACT_PEAK,
    FACT_TIME
};

struct fact {
    const char *report, *output, *column; /* what it is called there; NULL: not told there */
    int since;                            /* the ledger version that has its column; 0: all */
    const char *made;                     /* SQL: the server knows it, not the run */
    bool of_objects;                      /* told of runs over objects alone */
    enum fact_kind kind;
    size_t at; /* in struct run_facts */
};

/* In the order of the report, of the ledger's columns and of the parameters of its INSERT. */
enum { FACTS = 46 };
extern const struct fact facts[FACTS];

enum { FACT_ROOM = 48, FACTS_ACCEPTED_ROOM = 256 };

/*
 * What was skipped or taken by --accept, as "skipped 3, number-keys 12" in room; NULL where nothing
 * was.
 */
const char *facts_accepted(const struct tally *tally, char room[FACTS_ACCEPTED_ROOM]);

/* The value as JSON and SQL have it, texts without quotes; NULL: not known. It may be in room. */
const char *fact_value(const struct fact *fact, const struct run_facts *run, int decimals,
                       char room[FACT_ROOM]);

#endif
