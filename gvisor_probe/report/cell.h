/*
 * A cell of an experiment is one pod under one runtime. It is read from its report of `gvisor_probe
 * run` and, if given, of `gvisor_probe costs`. Pure.
 * Texts are borrowed from the parsed reports and live as long as the cell.
 */
#ifndef GVISOR_PROBE_REPORT_CELL_H
#define GVISOR_PROBE_REPORT_CELL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "gvisor_probe/words/permission.h"
#include "gvisor_probe/words/words.h"

enum {
    REPORT_BYTES_MAX = 16 << 20,
    CELL_PROBES_MAX = 256,
    CELL_WRITES_MAX = 128,
    CELL_BENCHMARKS_MAX = 64,
    CELL_GROUPS_MAX = 1024,
    CELL_DIRECTORIES = 3, /* ., open, locked */
};

struct cell_probe {
    const char *id, *errnum, *value; /* the last two may be NULL */
    enum probe_group group;
    enum probe_result result;
    enum probe_cause cause;
};

struct cell_write {
    const char *probe, *path, *kind, *content; /* content: NULL except for a file */
    bool made, kept;
};

struct cell_directory {
    const char *name;
    bool seen;
    struct unix_directory at;
};

struct cell_benchmark {
    const char *id, *title;
    double median_ns, mad_percent;
    bool noisy;
};

struct cell {
    const char *source; /* the file's name; borrowed from the caller */
    cJSON *report;      /* owned */
    cJSON *costs;       /* owned; NULL: not given */
    const char *name, *run_id;
    const char *runtime, *seccomp_declared, *boot_id; /* each may be NULL */
    const char *canary;       /* the token that it read from the path; NULL: none */
    int seccomp;              /* of /proc/self/status; -1: unknown */
    bool has_path, read_only; /* has_path: run with --path */
    enum conclusion conclusion;
    int declared_matches; /* 1, 0, or -1: unknown */
    uint32_t groups[CELL_GROUPS_MAX];
    struct identity who;
    uint64_t bounding; /* the capability bounding set; 0 if unknown */
    struct cell_directory directories[CELL_DIRECTORIES];
    struct cell_probe probes[CELL_PROBES_MAX];
    size_t probe_count;
    struct cell_write writes[CELL_WRITES_MAX];
    size_t write_count;
    struct cell_benchmark benchmarks[CELL_BENCHMARKS_MAX];
    size_t benchmark_count;
};

/* Parses a report of either kind strictly. NULL: INPUT, with line and column or member. */
cJSON *report_parse(const char *source, const char *bytes, size_t len, struct err *err);

/* Is it a report of costs? Else it is one of a run. */
bool report_is_costs(const cJSON *report);

/* Both take over the report, also on failure (INPUT). */
bool cell_read(struct cell *ret, const char *source, cJSON *report, struct err *err);
bool cell_add_costs(struct cell *cell, const char *source, cJSON *report, struct err *err);

void cell_release(struct cell *cell);

/* NULL if the cell has none of that name. */
const struct cell_probe *cell_find_probe(const struct cell *cell, const char *id);
const struct cell_benchmark *cell_find_benchmark(const struct cell *cell, const char *id);
const struct cell_directory *cell_directory(const struct cell *cell, const char *name);

#endif
