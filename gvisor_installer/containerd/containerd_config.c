#include "gvisor_installer/containerd/containerd_config.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OLDEST_MAJOR = 1, OLDEST_MINOR = 6 };

static const char *const imports_path[] = {"imports", NULL};

bool containerd_version_parse(const char *text, struct containerd_version *ret)
{
    static const char scheme[] = "containerd://";
    char major[4], minor[4];
    int read = 0;

    if (strncmp(text, scheme, sizeof scheme - 1) == 0)
        text += sizeof scheme - 1;
    else if (strncmp(text, "containerd ", 11) == 0) {
        text = strchr(text + 11, ' ');
        if (text == NULL)
            return false;
        text++;
    }
    if (*text == 'v')
        text++;
    if (sscanf(text, "%3[0-9].%3[0-9].%n", major, minor, &read) != 2 || read == 0)
        return false;
    *ret = (struct containerd_version){.major = (unsigned)strtoul(major, NULL, 10),
                                       .minor = (unsigned)strtoul(minor, NULL, 10)};
    (void)snprintf(ret->text, sizeof ret->text, "%.*s", (int)strcspn(text, " \t\n"), text);
    return true;
}

/*
 * The kubelet leaves a version as it is when it is a semantic one, and else passes on its numbers
 * alone: of Debian's 1.6.20~ds1, 1.6.20; of Ubuntu's 1.6.12-0ubuntu1~22.04.1, 1.6.12.
 */
static bool is_told_so(const char *version, const char *told)
{
    static const char semantic[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-+";
    const size_t numbers = strspn(version, "0123456789.");

    return strcmp(version, told) == 0 ||
           (version[strspn(version, semantic)] != '\0' && strlen(told) == numbers &&
            memcmp(version, told, numbers) == 0);
}

bool containerd_version_is(const struct containerd_version *program, const char *told,
                           struct err *err)
{
    static const char scheme[] = "containerd://";
    struct containerd_version running;

    if (told[0] == '\0')
        return true;
    if (strncmp(told, scheme, sizeof scheme - 1) != 0)
        return err_set(err, STATUS_REFUSED,
                       "the node's pods run in %.200s, and gVisor's runtimes would go into a "
                       "containerd that no kubelet asks",
                       told);
    told += sizeof scheme - 1;
    if (is_told_so(program->text, told))
        return true;
    if (containerd_version_parse(told, &running) && running.major == program->major &&
        running.minor == program->minor)
        return err_set(err, STATUS_REFUSED,
                       "the node runs containerd %.100s, and %s is installed: restart containerd "
                       "first",
                       told, program->text);
    return err_set(err, STATUS_REFUSED,
                   "the node runs containerd %.100s, and --containerd is %s: name the program, the "
                   "configuration and the socket of the one that runs",
                   told, program->text);
}

bool containerd_is_new_enough(struct containerd_version version, struct err *err)
{
    return version.major > OLDEST_MAJOR ||
           (version.major == OLDEST_MAJOR && version.minor >= OLDEST_MINOR) ||
           err_set(err, STATUS_REFUSED,
                   "containerd %.60s is older than %d.%d, the first that finds a runtime by its "
                   "path (runtime_path): update containerd",
                   version.text, OLDEST_MAJOR, OLDEST_MINOR);
}

int64_t containerd_config_newest(struct containerd_version version)
{
    if (version.major < 2)
        return 2;
    return version.major == 2 && version.minor < 3 ? 3 : 4;
}

bool containerd_merges(struct containerd_version version)
{
    return version.major >= 2;
}

const char *containerd_cri_plugin(int64_t config_version)
{
    if (config_version <= 1)
        return "cri";
    return config_version == 2 ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.runtime";
}

bool containerd_config_read(struct containerd_config *ret, const char *path, const char *text,
                            size_t len, struct err *err)
{
    static const char *const version_path[] = {"version", NULL};

    *ret = (struct containerd_config){.path = path, .version = 1};
    ret->doc = toml_doc_parse(text, len, err);
    if (ret->doc == NULL)
        return err_prefix(err, "%s", path);
    if (!toml_doc_has(ret->doc, version_path))
        return true;
    ret->says_version = toml_doc_integer(ret->doc, version_path, &ret->version);
    if (ret->says_version && ret->version >= 1)
        return true;
    containerd_config_free(ret);
    return err_set(err, STATUS_INPUT, "%s: its version is not a number above 0", path);
}

void containerd_config_free(struct containerd_config *config)
{
    toml_doc_free(config->doc);
    config->doc = NULL;
}

struct runtime_path containerd_runtime_path(int64_t config_version, const char *name)
{
    return (struct runtime_path){
        {"plugins", containerd_cri_plugin(config_version), "containerd", "runtimes", name}};
}

bool containerd_has_plugins(const struct containerd_config *config)
{
    static const char *const path[] = {"plugins", NULL};
    return toml_doc_has(config->doc, path);
}

bool containerd_has_cri(const struct containerd_config *config)
{
    const char *const path[] = {"plugins", containerd_cri_plugin(config->version), NULL};
    return toml_doc_has(config->doc, path);
}

int64_t containerd_names(const struct containerd_config *const files[], size_t count)
{
    const struct runtime_path newest = containerd_runtime_path(CONFIG_MERGED_NEWEST, NULL);
    const int64_t version = containerd_drop_in_version(files, count);

    for (size_t i = 0; version < CONFIG_MERGED_NEWEST && i < count; i++)
        if (toml_doc_has(files[i]->doc, newest.key))
            return CONFIG_MERGED_NEWEST;
    return version;
}

int64_t containerd_drop_in_version(const struct containerd_config *const files[], size_t count)
{
    int64_t version = CONFIG_MERGED_NEWEST;

    for (size_t i = 0; i < count; i++)
        if (files[i]->version > 1)
            version = files[i]->version;
    return version;
}

bool containerd_has_runtime(const struct containerd_config *config, int64_t names, const char *name,
                            struct toml_place *ret_place)
{
    const struct runtime_path path = containerd_runtime_path(names, name);
    return toml_doc_place(config->doc, path.key, ret_place);
}

bool containerd_runtime_is_ours(const struct containerd_config *config, int64_t names,
                                const char *name, const char *prefix)
{
    const size_t len = strlen(prefix);
    struct runtime_path path = containerd_runtime_path(names, name);

    path.key[5] = "options";
    path.key[6] = "ConfigPath";
    const char *text = toml_doc_text(config->doc, path.key);
    return text != NULL && strncmp(text, prefix, len) == 0 && text[len] == '/';
}

bool containerd_cri_disabled(const struct containerd_config *config)
{
    static const char *const path[] = {"disabled_plugins", NULL};
    /* The service needs the other two. */
    static const char *const names[] = {"cri", "io.containerd.grpc.v1.cri",
                                        "io.containerd.cri.v1.runtime",
                                        "io.containerd.cri.v1.images"};
    size_t count = 0;

    (void)toml_doc_texts(config->doc, path, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t name = 0; name < sizeof names / sizeof *names; name++)
            if (strcmp(toml_doc_item(config->doc, path, i, NULL), names[name]) == 0)
                return true;
    return false;
}

const char *containerd_address(const struct containerd_config *config)
{
    static const char *const path[] = {"grpc", "address", NULL};
    static const char *const plugin[] = {"plugins", "io.containerd.server.v1.grpc", "address",
                                         NULL};
    const char *text = toml_doc_text(config->doc, plugin);

    if (text == NULL)
        text = toml_doc_text(config->doc, path);
    return text == NULL || text[0] == '\0' ? NULL : text;
}

size_t containerd_import_count(const struct containerd_config *config)
{
    size_t count = 0;
    (void)toml_doc_texts(config->doc, imports_path, &count);
    return count;
}

bool containerd_import(const struct containerd_config *config, size_t index,
                       char out[CONFIG_PATH_MAX], struct err *err)
{
    const char *text = toml_doc_item(config->doc, imports_path, index, NULL);
    const char *slash = strrchr(config->path, '/');
    int dir_len = text[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - config->path);

    int len = snprintf(out, CONFIG_PATH_MAX, "%.*s%s", dir_len, config->path, text);
    if (len >= CONFIG_PATH_MAX)
        return err_set(err, STATUS_INPUT, "%s: an import is longer than %d bytes", config->path,
                       CONFIG_PATH_MAX - 1);
    return true;
}

bool containerd_imports_path(const struct containerd_config *config, const char *path)
{
    char pattern[CONFIG_PATH_MAX];
    struct err ignored = {0};

    for (size_t i = 0; i < containerd_import_count(config); i++) {
        if (!containerd_import(config, i, pattern, &ignored))
            continue;
        /* Patterns without an asterisk are taken as they stand. */
        if (strchr(pattern, '*') != NULL ? fnmatch(pattern, path, FNM_PATHNAME) == 0
                                         : strcmp(pattern, path) == 0)
            return true;
    }
    return false;
}

bool containerd_drop_in_place(const struct containerd_config *config, const char *name,
                              char out[CONFIG_PATH_MAX])
{
    char pattern[CONFIG_PATH_MAX];
    struct err ignored = {0};

    for (size_t i = 0; i < containerd_import_count(config); i++) {
        if (!containerd_import(config, i, pattern, &ignored))
            continue;
        char *slash = strrchr(pattern, '/');
        if (slash == NULL || strchr(slash, '*') == NULL)
            continue;
        int len =
            snprintf(out, CONFIG_PATH_MAX, "%.*s%s", (int)(slash + 1 - pattern), pattern, name);
        slash[0] = '\0';
        if (len < CONFIG_PATH_MAX && strpbrk(pattern, "*?[\\") == NULL &&
            containerd_imports_path(config, out))
            return true;
    }
    return false;
}
