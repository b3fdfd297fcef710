#include "gvisor_installer/notes/state.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
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

static bool path_of(const char *prefix, char out[CONFIG_PATH_MAX], struct err *err)
{
    return snprintf(out, CONFIG_PATH_MAX, "%s/state.json", prefix) < CONFIG_PATH_MAX ||
           err_set(err, STATUS_USAGE, "--prefix is too long");
}

static bool text_at(const cJSON *object, const char *name, char *out, size_t size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text != NULL && (size_t)snprintf(out, size, "%s", text) < size;
}

static bool bool_at(const cJSON *object, const char *name, bool *ret)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    *ret = cJSON_IsTrue(item);
    return cJSON_IsBool(item);
}

/* Missing in the notes of installers that knew the last release only. */
static bool decode_releases(const cJSON *list, struct state *ret)
{
    const cJSON *item;

    if (list != NULL && (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > STATE_RELEASES_MAX))
        return false;
    cJSON_ArrayForEach(item, list)
    {
        const char *name = cJSON_GetStringValue(item);
        if (name == NULL || !release_name_valid(name))
            return false;
        state_add_release(ret, name);
    }
    if (ret->release[0] != '\0')
        state_add_release(ret, ret->release);
    return true;
}

static bool decode(const cJSON *object, struct state *ret)
{
    char phase[STATE_TEXT_MAX];
    const cJSON *item, *files = cJSON_GetObjectItemCaseSensitive(object, "files");

    if (!text_at(object, "phase", phase, sizeof phase) ||
        !text_at(object, "release", ret->release, sizeof ret->release) ||
        !text_at(object, "drop_in", ret->drop_in, sizeof ret->drop_in) ||
        !text_at(object, "current", ret->current, sizeof ret->current) ||
        !bool_at(object, "made_directory", &ret->made_directory) ||
        !bool_at(object, "config_noted", &ret->config_noted) ||
        !bool_at(object, "config_existed", &ret->config_existed) ||
        !text_at(object, "config_before", ret->config_before, sizeof ret->config_before) ||
        !text_at(object, "config_after", ret->config_after, sizeof ret->config_after) ||
        !cJSON_IsArray(files) || cJSON_GetArraySize(files) > STATE_FILES_MAX)
        return false;
    ret->phase = PHASE_REMOVED;
    while (ret->phase != PHASE_NONE && strcmp(phase, phases[ret->phase]) != 0)
        ret->phase--;
    if (ret->phase == PHASE_NONE)
        return false;
    cJSON_ArrayForEach(item, files)
    {
        struct state_file *file = &ret->file[ret->file_count++];
        if (!text_at(item, "path", file->path, sizeof file->path) ||
            !bool_at(item, "existed", &file->existed) ||
            !text_at(item, "sha256", file->sha256, sizeof file->sha256))
            return false;
    }
    /* Not in the notes of older installers. */
    (void)bool_at(object, "lost", &ret->lost);
    (void)bool_at(object, "made_left_directory", &ret->made_left_directory);
    if (!text_at(object, "left", ret->left, sizeof ret->left))
        ret->left[0] = '\0';
    if (!text_at(object, "config", ret->config, sizeof ret->config))
        ret->config[0] = '\0';
    return decode_releases(cJSON_GetObjectItemCaseSensitive(object, "releases"), ret);
}

bool state_load(const char *prefix, struct state *ret, struct err *err)
{
    OWNED_BUF(text, STATE_SIZE_MAX);
    char path[CONFIG_PATH_MAX];
    bool exists;

    *ret = (struct state){0};
    if (!path_of(prefix, path, err) || !host_read(path, &text, &exists, err))
        return false;
    if (!exists)
        return true;
    errno = 0;
    cJSON *object = cJSON_ParseWithLength(text.data, text.len);
    if (object == NULL && errno == ENOMEM)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "version");
    bool newer = cJSON_IsNumber(version) && version->valuedouble > VERSION;
    bool done = object != NULL && !newer && decode(object, ret);
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
    return path_of(prefix, path, err) && json_done(&out, err) &&
           host_write(path, text.data, text.len, err);
}
