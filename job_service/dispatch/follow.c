#include "job_service/dispatch/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/json_in.h"
#include "common/log.h"
#include "common/machine.h"
#include "job_service/dispatch/counts.h"

enum {
    LINE_MAX_BYTES = 4 << 20,
    SILENCE_S = 5,  /* and a quarter of the time that was asked for: then the connection is dead */
    PAUSE_MS = 250, /* after a failure; doubled until PAUSE_MAX_MS */
    PAUSE_MAX_MS = 15000,
    LASTED_MS = 1000,
};

struct source {
    struct follow *follow;
    enum cluster_source kind;
    char version[OBJECT_UID];
    struct kube_stream *stream; /* NULL: none runs */
    bool listed;                /* version can be watched from */
    bool ever;
    uint64_t due_ms;     /* not before */
    uint64_t started_ms; /* the stream */
    unsigned pause_ms;
};

struct follow {
    struct cluster *cluster;
    struct kube *kube;
    struct seen *seen;
    unsigned watch_s;
    uint64_t changes;
    struct source sources[SOURCES];
};

/* Between half of it and all of it, so that many clients do not come back at once. */
static unsigned around(unsigned most)
{
    unsigned chance = 0;

    (void)!getrandom(&chance, sizeof chance, GRND_NONBLOCK);
    return most - chance % (most / 2 + 1);
}

static void pause_source(struct source *source)
{
    source->pause_ms = source->pause_ms == 0 ? PAUSE_MS : source->pause_ms * 2;
    if (source->pause_ms > PAUSE_MAX_MS)
        source->pause_ms = PAUSE_MAX_MS;
    source->due_ms = machine_ms() + around(source->pause_ms);
}

static void list_again(struct source *source, enum restart why)
{
    counts_restart(why);
    source->listed = false;
    source->version[0] = '\0';
}

/* An ERROR within the stream holds a Status. */
static void take_failure(struct source *source, const cJSON *status)
{
    double code = cJSON_GetNumberValue(json_find(status, "code"));

    list_again(source, code == 410 ? RESTART_EXPIRED : RESTART_FAILED);
    if (code != 410)
        pause_source(source);
}

static void note_version(struct source *source, const cJSON *object)
{
    const char *version = cJSON_GetStringValue(json_find(object, "metadata.resourceVersion"));

    if (version != NULL && strlen(version) < sizeof source->version)
        (void)snprintf(source->version, sizeof source->version, "%s", version);
}

static bool take_event(struct source *source, const cJSON *event, struct err *err)
{
    struct follow *follow = source->follow;
    const char *type = cJSON_GetStringValue(json_find(event, "type"));
    const cJSON *object = json_find(event, "object");

    if (type == NULL)
        return err_set(err, STATUS_TRANSIENT, "an event without a type");
    if (strcmp(type, "ERROR") == 0) {
        take_failure(source, object);
        return false;
    }
    if (strcmp(type, "DELETED") == 0)
        cluster_drop(follow->cluster, source->kind, object, follow->seen);
    else if (strcmp(type, "BOOKMARK") != 0 &&
             !cluster_put(follow->cluster, source->kind, object, follow->seen, false, err))
        return false;
    note_version(source, object);
    source->pause_ms = 0;
    follow->changes++;
    return true;
}

static enum kube_taken take_line(void *context, const char *line, size_t len)
{
    struct source *source = context;
    struct err err = {0};
    cJSON *event = json_parse("a watch", line, len, &err);
    bool done = event != NULL && take_event(source, event, &err);

    cJSON_Delete(event);
    if (done)
        return KUBE_TAKEN;
    if (err.text[0] != '\0') {
        log_warn("%s", err.text);
        list_again(source, RESTART_FAILED);
        pause_source(source);
    }
    return KUBE_END;
}

static void on_end(void *context, const struct kube_end *end)
{
    struct source *source = context;

    source->stream = NULL;
    if (end->status == 200 && machine_ms() - source->started_ms >= LASTED_MS)
        source->pause_ms = 0; /* it worked for a while: no failure follows another */
    if (!source->listed)
        return; /* 410 or a failure within the stream */
    if (end->status == 410) {
        list_again(source, RESTART_EXPIRED);
    } else if (end->status == 200 && end->whole) {
        counts_restart(RESTART_ENDED);
        pause_source(source); /* one that ends at once is not asked again at once */
    } else if (end->status == 200) {
        counts_restart(RESTART_CUT);
        pause_source(source);
    } else {
        counts_restart(RESTART_FAILED);
        pause_source(source);
        /* 400 for a version that it does not know, above all. */
        if (end->status >= 400 && end->status < 500 && end->status != 429)
            source->listed = false;
    }
}

static bool list_source(struct source *source, struct err *err)
{
    struct follow *follow = source->follow;
    struct seen fresh = {0};
    const char *space = cluster_source_space(follow->cluster, source->kind);

    bool done =
        cluster_list(follow->cluster, source->kind, &fresh, source->version, err) &&
        (source->kind == SOURCE_WORKFLOWS ? seen_replace_workflows(follow->seen, &fresh, err)
                                          : seen_replace_pods(follow->seen, space, &fresh, err));
    seen_release(&fresh);
    if (done) {
        source->listed = source->ever = true;
        follow->changes++;
    }
    return done;
}

static bool watch_source(struct source *source, struct err *err)
{
    struct follow *follow = source->follow;
    char path[KUBE_PATH_MAX], base[KUBE_PATH_MAX];
    unsigned seconds = around(follow->watch_s);

    cluster_source_path(follow->cluster, source->kind, base);
    int len = snprintf(path, sizeof path,
                       "%s&watch=1&allowWatchBookmarks=true&timeoutSeconds=%u&resourceVersion=%s",
                       base, seconds, source->version);
    if (len >= (int)sizeof path)
        return err_set(err, STATUS_BUG, "too long a path: %s", base);
    const struct kube_stream_rules rules = {.path = path,
                                            .line_max = LINE_MAX_BYTES,
                                            .whole_s = seconds + seconds / 4 + SILENCE_S,
                                            .take = take_line,
                                            .ended = on_end,
                                            .context = source};
    source->started_ms = machine_ms();
    source->stream = kube_stream_start(follow->kube, &rules, err);
    return source->stream != NULL;
}

static void step(struct source *source)
{
    struct err err = {0};

    if (source->stream != NULL || machine_ms() < source->due_ms)
        return;
    bool done = source->listed ? watch_source(source, &err) : list_source(source, &err);
    if (done)
        return;
    log_warn("%s", err.text);
    pause_source(source);
}

struct follow *follow_start(struct cluster *cluster, struct kube *kube, struct seen *seen,
                            unsigned watch_s, struct err *err)
{
    struct follow *follow = calloc(1, sizeof *follow);

    if (follow == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    *follow = (struct follow){
        .cluster = cluster, .kube = kube, .seen = seen, .watch_s = watch_s < 2 ? 2 : watch_s};
    for (unsigned i = 0; i < SOURCES; i++) {
        follow->sources[i].follow = follow;
        follow->sources[i].kind = (enum cluster_source)i;
    }
    return follow;
}

void follow_stop(struct follow *follow)
{
    if (follow == NULL)
        return;
    for (unsigned i = 0; i < SOURCES; i++)
        if (follow->sources[i].stream != NULL)
            kube_end_stream(follow->sources[i].stream);
    free(follow);
}

bool follow_turn(struct follow *follow, int wait_ms)
{
    for (unsigned i = 0; i < SOURCES; i++)
        step(&follow->sources[i]);
    /* A list is asked by a request of its own; its watch begins at once. */
    for (unsigned i = 0; i < SOURCES; i++)
        step(&follow->sources[i]);
    return kube_turn(follow->kube, wait_ms);
}

bool follow_is_up(const struct follow *follow)
{
    for (unsigned i = 0; i < SOURCES; i++)
        if (!follow->sources[i].ever)
            return false;
    return true;
}

uint64_t follow_changes(const struct follow *follow)
{
    return follow->changes;
}
