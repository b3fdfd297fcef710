#include "gvisor_probe/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "gvisor_probe/probes/runner.h"

/* Is the word in the comma-separated list? */
static bool among(const char *list, const char *word)
{
    const size_t len = strlen(word);

    for (; *list != '\0'; list += strcspn(list, ","), list += *list == ',')
        if (strcspn(list, ",") == len && memcmp(list, word, len) == 0)
            return true;
    return false;
}

static bool wanted(const struct run_request *request, const struct probe *probe)
{
    return request->only == NULL || among(request->only, probe->id) ||
           among(request->only, group_name(probe->group));
}

static bool check_only(const char *only, struct err *err)
{
    while (only != NULL && *only != '\0') {
        char word[64];
        enum probe_group group;
        size_t len = strcspn(only, ",");

        (void)snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1),
                       only);
        if (probe_find(word) == NULL && !group_parse(word, &group))
            return err_set(err, STATUS_USAGE,
                           "--only: '%s' is neither a probe nor a group; see gvisor_probe list",
                           word);
        only += len + (only[len] == ',');
    }
    return true;
}

/* Removes files by the names that probes give them; other files stay. */
static void remove_made(const struct run *run, int dir)
{
    char name[RUN_PATH_MAX + RUN_LABEL_MAX];

    for (const struct probe *const *family = probe_families; *family != NULL; family++)
        for (const struct probe *probe = *family; probe->id != NULL; probe++)
            if (probe->safety == SAFETY_FILE)
                (void)unlinkat(dir, probe->id, 0);
    (void)snprintf(name, sizeof name, "%s/locked/%s", run->request->path, run->label);
    (void)unlink(name);
}

/*
 * Opens and empties the directory, which an earlier attempt of this run may have left. Fails, with
 * -1 and errno, if it belongs to another user.
 */
static int reuse_dir(const struct run *run)
{
    struct stat st;
    int dir = open(run->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0)
        return -1;
    if (fstat(dir, &st) != 0 || st.st_uid != geteuid()) {
        (void)close(dir);
        errno = EEXIST;
        return -1;
    }
    remove_made(run, dir);
    return dir;
}

static bool make_dir(struct run *run, struct probe_context *context, struct err *err)
{
    const char *path = run->request->path;

    if (path == NULL)
        return true;
    if (snprintf(run->dir, sizeof run->dir, "%s/open/%s", path, run->label) >= (int)sizeof run->dir)
        return err_set(err, STATUS_USAGE, "--path is too long");
    if (mkdir(run->dir, 0755) == 0 || errno == EEXIST) {
        int dir = reuse_dir(run);
        if (dir < 0)
            return err_set(err, STATUS_REFUSED,
                           "%s is there already and not this user's: is another run of this id "
                           "and cell going on?",
                           run->dir);
        (void)fchmod(dir, 0755); /* despite the umask, so that a witness can look */
        (void)close(dir);
        context->dir = run->dir;
        return true;
    }
    context->dir_errnum = errno;
    log_warn("cannot make %s: %s%s", run->dir, strerror(errno),
             errno == ENOENT ? "; `gvisor_probe witness` prepares a path" : "");
    run->dir[0] = '\0';
    return true;
}

static void clean(const struct run *run)
{
    if (run->dir[0] == '\0' || run->request->keep)
        return;
    int dir = open(run->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir >= 0) {
        remove_made(run, dir);
        (void)close(dir);
    }
    if (rmdir(run->dir) != 0)
        log_warn("cannot remove %s: %s", run->dir, strerror(errno));
}

static bool skip(const struct run *run, const struct probe *probe, struct finding *ret)
{
    *ret = (struct finding){.result = RESULT_SKIPPED, .cause = CAUSE_NONE};
    if (probe->needs_path && run->request->path == NULL) {
        found_detail(ret, "needs --path");
        return true;
    }
    if (probe->group == GROUP_KERNEL_SURFACE && observed_privileged(&run->observed) &&
        !run->request->privileged_too) {
        found_detail(ret,
                     "this process is privileged (euid %u, CapEff %llx) and could do harm: "
                     "--i-am-privileged tries it all the same",
                     run->observed.euid,
                     (unsigned long long)run->observed.status.sets[SET_EFFECTIVE]);
        return true;
    }
    return false;
}

static bool ask(struct run *run, const struct probe_context *context, struct err *err)
{
    for (const struct probe *const *family = probe_families; *family != NULL; family++) {
        for (const struct probe *probe = *family; probe->id != NULL; probe++) {
            struct answered *answer = &run->answers[run->count];
            if (!wanted(run->request, probe))
                continue;
            if (run->count == RUN_PROBES_MAX)
                return err_set(err, STATUS_BUG, "more than %d probes", RUN_PROBES_MAX);
            answer->probe = probe;
            if (!skip(run, probe, &answer->finding) &&
                !runner_run(probe, context, &answer->finding, err))
                return false;
            run->count++;
        }
    }
    return true;
}

static void judge(struct run *run)
{
    struct evidence items[RUN_PROBES_MAX];

    for (size_t i = 0; i < run->count; i++)
        items[i] = (struct evidence){
            .probe = run->answers[i].probe->id,
            .result = run->answers[i].finding.result,
            .errnum = run->answers[i].finding.errnum,
            .value = run->answers[i].finding.value,
        };
    const struct detect_input input = {.items = items,
                                       .count = run->count,
                                       .seccomp = run->observed.status.seccomp,
                                       .boottime_at_main_ns = run->request->boottime_ns};
    detect(&input, &run->detection);
}

bool run_probes(const struct run_request *request, struct run *ret, struct err *err)
{
    *ret = (struct run){.request = request};
    struct probe_context context = {.path = request->path,
                                    .label = ret->label,
                                    .self = &ret->observed,
                                    .network = request->network};

    (void)snprintf(ret->label, sizeof ret->label, "%s-%s", request->declared->run_id,
                   request->declared->name);
    if (!check_only(request->only, err) || !observed_take(&ret->observed, request->path, err))
        return false;
    ret->answers = calloc(RUN_PROBES_MAX, sizeof *ret->answers);
    if (ret->answers == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    bool done = make_dir(ret, &context, err) && ask(ret, &context, err);
    clean(ret);
    if (done)
        judge(ret);
    return done;
}

void run_release(struct run *run)
{
    observed_release(&run->observed);
    free(run->answers);
    run->answers = NULL;
}
