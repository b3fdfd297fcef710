#include "aggregator/objects_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/s3/client.h"
#include "aggregator/totals/collect.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/progress.h"
#include "common/stop.h"

enum {
    SMALL = 1 << 20, /* one thread reads as fast */
    ROUNDS_MAX = 16, /* that twins may be faster with one of a batch's objects */
    TOLD_MAX = 100,  /* refused objects that are named one by one */
};

struct object {
    char *name; /* s3://BUCKET/KEY */
    const char *etag;
    uint64_t size;
    enum { OBJECT_NEW, OBJECT_APPLIED, OBJECT_REFUSED, OBJECT_LOADED } state;
    bool rejects_kept;
    char digest[DIGEST_TEXT]; /* of what was read of it, "": nothing yet */
};

/* What one batch holds, each array with a place for each of its objects. */
struct batch {
    struct object **objects;
    struct load_object *asked;
    struct run_facts *runs; /* those that are to be claimed */
    struct object **claimed;
    char **owned; /* texts of the runs */
    size_t count, owned_count, run_count;
    struct collect *totals;
};

struct work {
    struct run *run;
    struct object *objects; /* sorted by name */
    size_t count, next;
    struct batch batch;
    struct collect *last, *all; /* the totals of the last batch that was loaded; of those before */
    struct total_stream *last_stream;
    struct err first; /* why the first object was refused */
};

static const char *id_of(const struct object *object)
{
    return object->name + strlen(S3_SCHEME);
}

bool objects_check(const struct run *run, struct err *err)
{
    const struct config *config = run->config;

    if (run->files.objects < run->files.count)
        return err_set(err, STATUS_USAGE,
                       "objects are loaded one by one, files as one run: load them apart");
    if (config->run_id != NULL)
        return err_set(err, STATUS_USAGE,
                       "--run-id is for files: an object's run is named BUCKET/KEY");
    return config->shard.count == 1 ||
           err_set(err, STATUS_USAGE,
                   "--shard is for files: objects are shared out by --range, see `aggregator "
                   "split`");
}

/* Refusing. */

static bool refuse(struct work *work, struct object *object, const struct err *why)
{
    object->state = OBJECT_REFUSED;
    if (work->first.status == STATUS_DONE) {
        work->first = *why;
        (void)stpcpy(work->run->refused, why->text);
    }
    if (++work->run->facts.objects.refused <= TOLD_MAX)
        log_error("%s", why->text);
    return true;
}

static bool refuse_version(struct work *work, struct object *object, const char *before)
{
    struct err why;
    char shown[1200];

    (void)err_set(&why, STATUS_REFUSED,
                  "%s was loaded with other text (digest %s, now %s); load it as new work with "
                  "--new-versions",
                  err_quote(shown, sizeof shown, object->name, strlen(object->name)), before,
                  object->digest);
    return refuse(work, object, &why);
}

/* Asking the ledger. */

static bool ask(struct work *work, struct object **objects, size_t count, struct err *err)
{
    const struct config *config = work->run->config;
    struct load_object *asked = work->batch.asked;
    struct err why = {0};

    for (size_t i = 0; i < count; i++)
        asked[i] = (struct load_object){.run_id = id_of(objects[i]), .etag = objects[i]->etag};
    if (!load_ask(&work->run->load, asked, count, config->new_versions, &why)) {
        *err = why;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct object *object = objects[i];
        const bool read = object->digest[0] != '\0';
        if (object->state != OBJECT_NEW)
            continue;
        if (asked[i].is_same ||
            (read && asked[i].is_there && strcmp(asked[i].digest, object->digest) == 0))
            object->state = OBJECT_APPLIED;
        else if (read && asked[i].is_there && !config->new_versions)
            (void)refuse_version(work, object, asked[i].digest);
    }
    return true;
}

/* Reading an object. */

static char *own(struct batch *batch, char *text)
{
    if (text != NULL)
        batch->owned[batch->owned_count++] = text;
    return text;
}

/* The run that it is to be, named `version` where that is not NULL, from what was read. */
static bool add_run(struct work *work, struct object *object, const char *version,
                    const struct fold_result *result, struct err *err)
{
    struct batch *batch = &work->batch;
    char room[FACTS_ACCEPTED_ROOM];
    const char *accepted = facts_accepted(&result->tally, room);
    const char *etag = s3_last_etag(work->run->s3);
    struct run_facts *run = &batch->runs[batch->run_count];

    *run =
        (struct run_facts){.run_id = version != NULL ? own(batch, strdup(version)) : id_of(object),
                           .digest = object->digest,
                           .shard = {.count = 1},
                           .input = *result,
                           .version = work->run->facts.version,
                           .etag = etag[0] == '\0' ? NULL : own(batch, strdup(etag)),
                           .accepted = accepted == NULL ? NULL : own(batch, strdup(accepted))};
    batch->claimed[batch->run_count++] = object;
    return (run->run_id != NULL && (etag[0] == '\0' || run->etag != NULL) &&
            (accepted == NULL || run->accepted != NULL)) ||
           err_set(err, STATUS_TRANSIENT, "out of memory");
}

/* Its text is the ledger's, under another ETag: the next run does not have to read it again. */
static void note_etag(struct work *work, struct load_object *asked)
{
    const char *etag = s3_last_etag(work->run->s3);
    struct err err = {0};

    asked->etag = etag;
    if (etag[0] != '\0' && !load_note_etags(&work->run->load, asked, 1, &err))
        log_warn("the ledger keeps the old ETag of %s: %s", asked->run_id, err.text);
}

static bool take_object(struct work *work, struct object *object, struct load_object *asked,
                        struct fold *fold, const struct fold_result *result, struct err *err)
{
    char name[S3_ID_MAX + 1 + DIGEST_TEXT];
    struct load_object version = {.run_id = name};
    const bool known = asked->is_there;

    (void)stpcpy(object->digest, result->digest);
    (void)snprintf(name, sizeof name, "%s@%s", id_of(object), object->digest);
    if (known && strcmp(asked->digest, object->digest) != 0) {
        if (!work->run->config->new_versions)
            return refuse_version(work, object, asked->digest);
        if (!load_ask(&work->run->load, &version, 1, false, err))
            return false;
        asked = &version;
    }
    if (asked->is_there) {
        object->state = OBJECT_APPLIED;
        note_etag(work, asked);
        return true;
    }
    return (result->keys == 0 || collect_add(work->batch.totals, fold_totals(fold), err)) &&
           add_run(work, object, known ? name : NULL, result, err);
}

static bool read_object(struct work *work, struct object *object, struct load_object *asked,
                        struct err *err)
{
    struct fold_rules rules = run_fold_rules(work->run);
    struct fold_result result;

    if (object->size < SMALL)
        rules.threads = 1;
    if (object->rejects_kept)
        rules.reject = NULL;
    struct fold *fold = fold_new(&rules, err);
    if (fold == NULL)
        return false;
    bool done = fold_run(fold, &object->name, 1, &result, err);
    object->rejects_kept = done || err->status == STATUS_INPUT;
    if (done)
        done = take_object(work, object, asked, fold, &result, err);
    else if (err->status == STATUS_INPUT || err->status == STATUS_REFUSED) {
        done = refuse(work, object, err);
        *err = (struct err){0};
    }
    fold_free(fold);
    return done;
}

/* Batches. */

static void empty_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->owned_count; i++)
        free(batch->owned[i]);
    batch->owned_count = batch->run_count = 0;
    collect_free(batch->totals);
    batch->totals = NULL;
}

/* Its totals are part of the run's. */
static bool keep_batch(struct work *work, struct total_stream *stream, struct err *err)
{
    struct batch *batch = &work->batch;
    struct run_facts *told = &work->run->facts;

    for (size_t i = 0; i < batch->run_count; i++) {
        const struct fold_result *one = &batch->runs[i].input;
        batch->claimed[i]->state = OBJECT_LOADED;
        told->objects.loaded++;
        told->input.spilled_bytes += one->spilled_bytes;
        told->input.bytes += one->bytes;
        tally_add(&told->input.tally, &one->tally);
    }
    if (work->last_stream != NULL && !collect_add(work->all, work->last_stream, err))
        return false;
    collect_free(work->last);
    work->last = batch->totals;
    work->last_stream = stream;
    batch->totals = NULL;
    return true;
}

/* Reads what is new of it. */
static bool read_batch(struct work *work, struct err *err)
{
    struct batch *batch = &work->batch;
    bool done = true;

    batch->totals = collect_new(work->run->config->spill_dir);
    if (batch->totals == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    progress_start("bytes", 0, NULL);
    for (size_t i = 0; i < batch->count && done; i++)
        if (batch->objects[i]->state == OBJECT_NEW)
            done = read_object(work, batch->objects[i], &batch->asked[i], err);
    progress_end();
    return done;
}

static int compare_runs(const void *a, const void *b)
{
    return strcmp(((const struct run_facts *)a)->run_id, ((const struct run_facts *)b)->run_id);
}

/* Versions have longer names than their objects, so they may belong elsewhere. */
static void sort_runs(struct batch *batch)
{
    for (size_t i = 1; i < batch->run_count; i++)
        if (compare_runs(&batch->runs[i - 1], &batch->runs[i]) > 0) {
            qsort(batch->runs, batch->run_count, sizeof *batch->runs, compare_runs);
            return;
        }
}

/* After a lost answer to COMMIT: whether the batch is in the ledger, whole, as it was read. */
static bool is_applied_whole(const struct batch *batch)
{
    for (size_t i = 0; i < batch->run_count; i++)
        if (batch->claimed[i]->state != OBJECT_APPLIED)
            return false;
    return true;
}

static bool load_batch(struct work *work, struct err *err)
{
    struct batch *batch = &work->batch;
    struct run_facts *told = &work->run->facts;
    struct total_stream *stream = NULL;
    bool lost = true, unknown = false;
    uint64_t keys;
    unsigned __int128 total;

    for (int round = 0; lost; round++) {
        if (!ask(work, batch->objects, batch->count, err))
            return false;
        if (unknown && is_applied_whole(batch))
            return keep_batch(work, stream, err);
        empty_batch(batch);
        if (round == ROUNDS_MAX)
            return err_set(err, STATUS_TRANSIENT,
                           "others load the same objects at the same time; run again");
        if (!read_batch(work, err))
            return false;
        if (batch->run_count == 0)
            return true;
        stream = collect_open(batch->totals, &keys, &total, err);
        if (stream == NULL)
            return false;
        sort_runs(batch);
        told->load_attempts++;
        if (!load_apply_all(&work->run->load, stream, keys, batch->runs, batch->run_count, &lost,
                            &unknown, err))
            return false;
        if (lost)
            log_info("another load was faster with one of %zu objects; looking again",
                     batch->run_count);
    }
    return keep_batch(work, stream, err);
}

/* The next objects that are new, as many as one batch may have. */
static void take_batch(struct work *work)
{
    const struct config *config = work->run->config;
    struct batch *batch = &work->batch;
    uint64_t bytes = 0;

    for (batch->count = 0; work->next < work->count; work->next++) {
        struct object *object = &work->objects[work->next];
        if (object->state != OBJECT_NEW)
            continue;
        if (batch->count == config->batch_objects ||
            (batch->count > 0 && object->size > config->batch_bytes - bytes))
            return;
        batch->objects[batch->count++] = object;
        bytes +=
            object->size < config->batch_bytes - bytes ? object->size : config->batch_bytes - bytes;
    }
}

static bool ask_for_all(struct work *work, struct err *err)
{
    struct batch *batch = &work->batch;

    for (size_t i = 0; i < work->count;) {
        for (batch->count = 0; i < work->count && batch->count < LOAD_ASKED_MAX; i++)
            batch->objects[batch->count++] = &work->objects[i];
        if (!ask(work, batch->objects, batch->count, err))
            return false;
    }
    return true;
}

/* What all batches came to. */
static bool sum_up(struct work *work, struct err *err)
{
    struct run_facts *told = &work->run->facts;
    struct total_stream *stream = work->last_stream;

    if (stream == NULL)
        return true;
    if (collect_is_empty(work->all))
        return survey_totals(stream, &told->input.keys, &told->input.total, err) &&
               run_keep_top(work->run, stream, err);
    return collect_add(work->all, stream, err) &&
           (stream = collect_open(work->all, &told->input.keys, &told->input.total, err)) != NULL &&
           run_keep_top(work->run, stream, err);
}

static int compare_objects(const void *a, const void *b)
{
    return strcmp(((const struct object *)a)->name, ((const struct object *)b)->name);
}

static bool prepare(struct work *work, struct err *err)
{
    const struct names *files = &work->run->files;
    struct batch *batch = &work->batch;
    const size_t most = LOAD_ASKED_MAX;

    work->count = files->count;
    work->objects = calloc(files->count + 1, sizeof *work->objects);
    work->all = collect_new(work->run->config->spill_dir);
    batch->objects = calloc(most, sizeof(struct object *));
    batch->asked = calloc(most, sizeof *batch->asked);
    batch->runs = calloc(most, sizeof *batch->runs);
    batch->claimed = calloc(most, sizeof(struct object *));
    batch->owned = calloc(most * 3, sizeof(char *));
    if (work->objects == NULL || work->all == NULL || batch->objects == NULL ||
        batch->asked == NULL || batch->runs == NULL || batch->claimed == NULL ||
        batch->owned == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    for (size_t i = 0; i < files->count; i++)
        work->objects[i] = (struct object){
            .name = files->item[i], .etag = files->facts[i].etag, .size = files->facts[i].size};
    qsort(work->objects, work->count, sizeof *work->objects, compare_objects);
    work->run->facts.objects.found = work->count;
    return true;
}

static void release(struct work *work)
{
    struct batch *batch = &work->batch;

    empty_batch(batch);
    free(batch->objects);
    free(batch->asked);
    free(batch->runs);
    free(batch->claimed);
    free(batch->owned);
    collect_free(work->last);
    collect_free(work->all);
    free(work->objects);
}

static bool load_all(struct work *work, struct err *err)
{
    if (!prepare(work, err) || !ask_for_all(work, err))
        return false;
    for (take_batch(work); work->batch.count > 0; take_batch(work))
        if (stop_requested() ? !stop_err(err) : !load_batch(work, err))
            return false;
    return true;
}

/* Those that were refused make the run a failure. */
static bool judge(const struct work *work, struct err *err)
{
    const uint64_t refused = work->run->facts.objects.refused;

    if (refused == 0 || work->run->config->allow_refused)
        return true;
    *err = work->first;
    return err_prefix(err, "%" PRIu64 " of %zu objects refused and left out, the first", refused,
                      work->count);
}

bool objects_load(struct run *run, struct err *err)
{
    struct work work = {.run = run};
    struct run_facts *told = &run->facts;
    struct err second = {0};

    told->objects.first_refused = run->refused;
    bool done = load_all(&work, err);
    for (size_t i = 0; work.objects != NULL && i < work.count; i++)
        told->objects.applied += work.objects[i].state == OBJECT_APPLIED;
    if (!sum_up(&work, done ? err : &second))
        done = false;
    told->read_seconds = machine_seconds() - run->load.started;
    told->already_applied =
        done && told->objects.found > 0 && told->objects.applied == told->objects.found;
    done = done && judge(&work, err);
    release(&work);
    return done;
}

void objects_log(const struct run *run)
{
    const struct run_facts *told = &run->facts;

    log_info("%" PRIu64 " objects: %" PRIu64 " loaded, %" PRIu64 " already applied, %" PRIu64
             " refused; %" PRIu64 " requests, %" PRIu64 " bytes",
             told->objects.found, told->objects.loaded, told->objects.applied,
             told->objects.refused, told->objects.requests, told->objects.bytes);
}
