#include "common/distinct.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/outfile.h"

enum { SHOWN = 1024 };

/* What identifies the file that a name leads to. */
struct place {
    bool exists;
    dev_t device; /* of the file, or of the directory that it will be in */
    ino_t inode;
    const char *name; /* where it does not exist: in that directory */
};

static bool whole_path(const struct output_name *output, char path[PATH_MAX])
{
    int len = output->directory == NULL
                  ? snprintf(path, PATH_MAX, "%s", output->path)
                  : snprintf(path, PATH_MAX, "%s/%s", output->directory, output->path);
    return len > 0 && len < PATH_MAX;
}

/* false: nothing would be replaced there, or the name is too long, which opening it reports. */
static bool find_place(const struct output_name *output, char path[PATH_MAX], struct place *ret)
{
    struct stat st;

    if (output->path == NULL || !whole_path(output, path) || outfile_names_descriptor(path))
        return false;
    if (stat(path, &st) == 0) {
        *ret = (struct place){.exists = true, .device = st.st_dev, .inode = st.st_ino};
        return S_ISREG(st.st_mode);
    }
    char *slash = strrchr(path, '/');
    *ret = (struct place){.name = slash == NULL ? path : slash + 1};
    if (slash != NULL)
        *slash = '\0';
    const bool known = stat(slash == NULL ? "." : slash == path ? "/" : path, &st) == 0;
    if (slash != NULL)
        *slash = '/';
    if (known) {
        ret->device = st.st_dev;
        ret->inode = st.st_ino;
    } else {
        ret->name = path; /* the directory may still be made */
    }
    return true;
}

static bool same_place(const struct place *a, const struct place *b)
{
    return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
           (a->exists || strcmp(a->name, b->name) == 0);
}

static bool differs_from_outputs(const struct output_name *outputs, size_t at,
                                 const struct place *place, struct err *err)
{
    char path[PATH_MAX], shown[SHOWN];
    struct place other;

    for (size_t i = 0; i < at; i++)
        if (find_place(&outputs[i], path, &other) && same_place(place, &other))
            return err_set(err, STATUS_USAGE,
                           "%s and %s are both %s, where one would replace the other; name two "
                           "files",
                           outputs[i].what, outputs[at].what,
                           err_quote(shown, sizeof shown, path, strlen(path)));
    return true;
}

/* One look at each input, of which there may be many, for all outputs. */
static bool differ_from_inputs(const struct output_name *outputs, const struct place *places,
                               size_t count, char *const *inputs, size_t input_count,
                               struct err *err)
{
    struct stat st;
    char shown[SHOWN];

    for (size_t i = 0; i < input_count; i++) {
        const char *name = inputs[i];
        if ((strcmp(name, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(name, &st)) != 0)
            continue;
        for (size_t at = 0; at < count; at++)
            if (places[at].exists && st.st_dev == places[at].device &&
                st.st_ino == places[at].inode)
                return err_set(err, STATUS_USAGE,
                               "%s is the input %s, which it would replace; name another file",
                               outputs[at].what,
                               err_quote(shown, sizeof shown, name, strlen(name)));
    }
    return true;
}

bool distinct_outputs(const struct output_name *outputs, size_t count, char *const *inputs,
                      size_t input_count, struct err *err)
{
    char path[PATH_MAX];
    struct place places[DISTINCT_OUTPUTS_MAX];
    bool any = false;

    if (count > DISTINCT_OUTPUTS_MAX)
        return err_set(err, STATUS_BUG, "more than %d outputs", DISTINCT_OUTPUTS_MAX);
    for (size_t i = 0; i < count; i++) {
        bool replaces = find_place(&outputs[i], path, &places[i]);
        if (replaces && !differs_from_outputs(outputs, i, &places[i], err))
            return false;
        places[i].exists = replaces && places[i].exists;
        any = any || places[i].exists;
    }
    return !any || differ_from_inputs(outputs, places, count, inputs, input_count, err);
}
