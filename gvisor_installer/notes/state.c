#include "gvisor_installer/notes/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json_in.h"
#include "common/json_out.h"
#include "gvisor_installer/node/host.h"
#include "gvisor_installer/release/release.h"

/* VERSION grows when an older installer would misunderstand what a newer one writes. */
enum { STATE_SIZE_MAX = 1 << 17, VERSION = 1 };

static const char *const phases[] = {"none", "changing", "settled", "removed", "broken"};

const char *state_phase_text(enum state_phase phase)
{
    return phases[phase];
}

bool state_usable(const char *prefix, const struct state *state, struct err *err)
{
    return state->phase != PHASE_BROKEN ||
           err_set(err, STATUS_INPUT,
                   "%s/state.json is broken: `gvisor_installer uninstall` takes gVisor out of "
                   "containerd's files all the same, and says what else is left",
                   prefix);
}

bool state_is_of(const struct state *state, const char *config, struct err *err)
{
    return state->config[0] == '\0' || host_same(state->config, config) ||
           err_set(err, STATUS_REFUSED,
                   "gVisor was installed into %s, and --config is %s: name that one, or take "
                   "gVisor out there first",
                   state->config, config);
}

bool state_has_release(const struct state *state, const char *release)
{
    for (size_t i = 0; i < state->unpacked_count; i++)
        if (strcmp(state->unpacked[i], release) == 0)
            return true;
    return false;
}

void state_add_release(struct state *state, const char *release)
{
    if (state_has_release(state, release))
        return;
    if (state->unpacked_count == STATE_RELEASES_MAX) {
        state->unpacked_count--;
        memmove(state->unpacked, state->unpacked + 1,
                state->unpacked_count * sizeof *state->unpacked);
    }
    (void)snprintf(state->unpacked[state->unpacked_count++], STATE_TEXT_MAX, "%s", release);
}

bool state_path(const char *prefix, char out[CONFIG_PATH_MAX], struct err *err)
{
    return snprintf(out, CONFIG_PATH_MAX, "%s/state.json", prefix) < CONFIG_PATH_MAX ||
           err_set(err, STATUS_USAGE, "--prefix is too long");
}

static void read_text(struct json_in *in, const char *name, char *out, size_t size)
{
    const char *text = json_read_text(in, name, JSON_NEEDED);

    if (text != NULL && (size_t)snprintf(out, size, "%s", text) >= size)
        (void)json_reject(in, name, "is too long");
}

static bool read_bool(struct json_in *in, const char *name)
{
    return json_read_bool(in, name, false, JSON_NEEDED);
}

static void read_phase(struct json_in *in, struct state *ret)
{
    const char *text = json_read_text(in, "phase", JSON_NEEDED);

    ret->phase = PHASE_REMOVED;
    while (text != NULL && ret->phase != PHASE_NONE && strcmp(text, phases[ret->phase]) != 0)
        ret->phase--;
    if (ret->phase == PHASE_NONE)
        (void)json_reject(in, "phase", "is none");
}

static void read_files(struct json_in *in, struct state *ret)
{
    const cJSON *item = json_read_array(in, "files", STATE_FILES_MAX, JSON_NEEDED);

    for (; item != NULL && !in->failed; item = item->next) {
        struct json_in at = {.source = in->source, .root = item, .err = in->err};
        struct state_file *file = &ret->file[ret->file_count++];
        read_text(&at, "path", file->path, sizeof file->path);
        file->existed = read_bool(&at, "existed");
        read_text(&at, "sha256", file->sha256, sizeof file->sha256);
        in->failed = at.failed;
    }
}

static void read_releases(struct json_in *in, struct state *ret)
{
    const cJSON *item = json_read_array(in, "releases", STATE_RELEASES_MAX, JSON_NEEDED);

    for (; item != NULL; item = item->next) {
        const char *name = cJSON_GetStringValue(item);
        if (name != NULL && release_name_valid(name))
            state_add_release(ret, name);
        else
            (void)json_reject(in, "releases", "holds something else");
    }
}

static bool decode(const char *path, const cJSON *object, struct state *ret)
{
    struct err ignored = {0};
    struct json_in in = {.source = path, .root = object, .err = &ignored};

    read_phase(&in, ret);
    read_text(&in, "release", ret->release, sizeof ret->release);
    read_text(&in, "drop_in", ret->drop_in, sizeof ret->drop_in);
    read_text(&in, "current", ret->current, sizeof ret->current);
    ret->made_directory = read_bool(&in, "made_directory");
    ret->config_noted = read_bool(&in, "config_noted");
    ret->config_existed = read_bool(&in, "config_existed");
    read_text(&in, "config_before", ret->config_before, sizeof ret->config_before);
    read_text(&in, "config_after", ret->config_after, sizeof ret->config_after);
    read_files(&in, ret);
    /* Not in the notes of older installers. */
    ret->lost = cJSON_IsTrue(json_find(object, "lost"));
    ret->made_left_directory = cJSON_IsTrue(json_find(object, "made_left_directory"));
    if (json_find(object, "left") != NULL)
        read_text(&in, "left", ret->left, sizeof ret->left);
    if (json_find(object, "config") != NULL)
        read_text(&in, "config", ret->config, sizeof ret->config);
    if (json_find(object, "releases") != NULL)
        read_releases(&in, ret);
    if (!in.failed && ret->release[0] != '\0')
        state_add_release(ret, ret->release);
    return !in.failed;
}

bool state_load(const char *prefix, struct state *ret, struct err *err)
{
    OWNED_BUF(text, STATE_SIZE_MAX);
    char path[CONFIG_PATH_MAX];
    struct err why = {0};
    bool exists;

    *ret = (struct state){0};
    if (!state_path(prefix, path, err) || !host_read(path, &text, &exists, err))
        return false;
    if (!exists)
        return true;
    cJSON *object = json_parse(path, text.data, text.len, &why);
    if (why.status == STATUS_TRANSIENT)
        return err_set(err, why.status, "%s", why.text);
    const cJSON *version = json_find(object, "version");
    bool newer = cJSON_IsNumber(version) && version->valuedouble > VERSION;
    bool done = object != NULL && !newer && decode(path, object, ret);
    cJSON_Delete(object);
    if (newer)
        return err_set(err, STATUS_REFUSED,
                       "%s was written by a newer installer: use that one on this node", path);
    if (!done)
        *ret = (struct state){.phase = PHASE_BROKEN};
    return true;
}

static void encode(const struct state *state, struct json_out *out)
{
    json_open(out, NULL, '{');
    json_open(out, "releases", '[');
    for (size_t i = 0; i < state->unpacked_count; i++)
        json_string(out, NULL, state->unpacked[i]);
    json_close(out, ']');
    json_open(out, "files", '[');
    for (size_t i = 0; i < state->file_count; i++) {
        json_open(out, NULL, '{');
        json_string(out, "path", state->file[i].path);
        json_bool(out, "existed", state->file[i].existed);
        json_string(out, "sha256", state->file[i].sha256);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_u64(out, "version", VERSION);
    json_string(out, "phase", phases[state->phase]);
    json_bool(out, "lost", state->lost);
    json_string(out, "release", state->release);
    json_string(out, "drop_in", state->drop_in);
    json_string(out, "current", state->current);
    json_bool(out, "made_directory", state->made_directory);
    json_string(out, "left", state->left);
    json_bool(out, "made_left_directory", state->made_left_directory);
    json_string(out, "config", state->config);
    json_bool(out, "config_noted", state->config_noted);
    json_bool(out, "config_existed", state->config_existed);
    json_string(out, "config_before", state->config_before);
    json_string(out, "config_after", state->config_after);
    json_close(out, '}');
}

bool state_save(const char *prefix, const struct state *state, struct err *err)
{
    OWNED_BUF(text, STATE_SIZE_MAX);
    struct json_out out = {.buf = &text, .layout = JSON_TABBED};
    char path[CONFIG_PATH_MAX];

    encode(state, &out);
    return state_path(prefix, path, err) && json_done(&out, err) &&
           host_write(path, text.data, text.len, err);
}
