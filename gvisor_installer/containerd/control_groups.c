#include "gvisor_installer/containerd/control_groups.h"

#include <string.h>

static bool is_runc(const char *type)
{
    return type != NULL && (strcmp(type, "io.containerd.runc.v2") == 0 ||
                            strcmp(type, "io.containerd.runc.v1") == 0);
}

/* A runtime's table with one more key, or two. */
static struct runtime_path inside(struct runtime_path runtime, const char *key, const char *inner)
{
    size_t at = 0;
    while (runtime.key[at] != NULL)
        at++;
    runtime.key[at] = key;
    runtime.key[at + 1] = inner;
    return runtime;
}

/* In containerd 1.x a table default_runtime may also define a runtime without a name. */
static struct runtime_path nameless(const struct containerd_config *dump)
{
    return (struct runtime_path){
        {"plugins", containerd_cri_plugin(dump->version), "containerd", "default_runtime"}};
}

static bool has_nameless(const struct containerd_config *dump)
{
    const char *type = toml_doc_text(dump->doc, inside(nameless(dump), "runtime_type", NULL).key);
    return type != NULL && type[0] != '\0';
}

const char *default_runtime(const struct containerd_config *dump, bool *ret_exists)
{
    const char *const path[] = {"plugins", containerd_cri_plugin(dump->version), "containerd",
                                "default_runtime_name", NULL};
    const char *name = toml_doc_text(dump->doc, path);

    *ret_exists = name == NULL || has_nameless(dump) ||
                  toml_doc_has(dump->doc, containerd_runtime_path(dump->version, name).key);
    return name;
}

static enum control_groups says(const struct containerd_config *dump, struct runtime_path runtime,
                                bool empty_counts)
{
    const struct runtime_path options = inside(runtime, "options", NULL);
    const struct runtime_path systemd = inside(runtime, "options", "SystemdCgroup");
    bool value;

    if (!is_runc(toml_doc_text(dump->doc, inside(runtime, "runtime_type", NULL).key)) ||
        (!empty_counts && toml_doc_key(dump->doc, options.key, 0) == NULL))
        return CONTROL_GROUPS_UNSAID;
    if (!toml_doc_has(dump->doc, systemd.key))
        return CONTROL_GROUPS_CGROUPFS;
    /* Options that cannot be read as runc's, such as a text here, are passed over. */
    if (!toml_doc_bool(dump->doc, systemd.key, &value))
        return CONTROL_GROUPS_UNSAID;
    return value ? CONTROL_GROUPS_SYSTEMD : CONTROL_GROUPS_CGROUPFS;
}

static bool has_options(const struct containerd_config *const files[], size_t count, int64_t names,
                        const char *runtime)
{
    for (size_t i = 0; i < count; i++) {
        const int64_t version = names == 0 ? files[i]->version : names;
        if (toml_doc_has(files[i]->doc,
                         inside(containerd_runtime_path(version, runtime), "options", NULL).key))
            return true;
    }
    return false;
}

static bool is_in(const char *name, const char *const list[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

enum control_groups control_groups_of(const struct containerd_config *dump,
                                      const struct containerd_config *const files[],
                                      size_t file_count, int64_t names, const char *const skipped[],
                                      size_t skipped_count)
{
    const struct runtime_path all = containerd_runtime_path(dump->version, NULL);
    enum control_groups found = CONTROL_GROUPS_UNSAID;
    bool exists;
    const char *first = default_runtime(dump, &exists), *name;

    if (has_nameless(dump))
        found = says(dump, nameless(dump), false);
    if (found == CONTROL_GROUPS_UNSAID && first != NULL && !is_in(first, skipped, skipped_count))
        found = says(dump, containerd_runtime_path(dump->version, first),
                     has_options(files, file_count, names, first));
    for (size_t i = 0;
         found == CONTROL_GROUPS_UNSAID && (name = toml_doc_key(dump->doc, all.key, i)) != NULL;
         i++)
        if (!is_in(name, skipped, skipped_count))
            found = says(dump, containerd_runtime_path(dump->version, name),
                         has_options(files, file_count, names, name));
    return found;
}
