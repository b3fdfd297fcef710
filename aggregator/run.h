/* A run that folds: what its parts share. */
#ifndef AGGREGATOR_RUN_H
#define AGGREGATOR_RUN_H

#include "aggregator/config.h"
#include "aggregator/read/names.h"
#include "aggregator/totals/fold.h"
#include "common/outfile.h"

enum { RUN_TEXT_CHUNK = 64 * 1024, RUN_NAMES_FREE = 64 * 1024 };

struct run {
    const struct config *config;
    struct s3 *s3;
    struct names files;
    struct outfile rejects;
    struct buf rejects_text;
    struct buf top; /* for --outputs: the largest totals, as text */
    struct load_request load;
    struct run_facts facts;
    char accepted[FACTS_ACCEPTED_ROOM];
    char refused[ERR_TEXT_MAX]; /* why the first object was refused */
};

/* As the options say. The rules borrow from the run. */
struct fold_rules run_fold_rules(struct run *run);

/* --outputs has the largest of these totals. */
bool run_keep_top(struct run *run, struct total_stream *totals, struct err *err);

#endif
