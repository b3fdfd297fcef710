#include "gvisor_installer/apply/dump.h"

#include <stdio.h>
#include <string.h>

#include "gvisor_installer/node/host.h"

enum { DUMP_TIMEOUT_MS = 30000, DUMP_MAX = 1 << 22 };

bool dump_read(const struct install_options *options, struct containerd_config *ret,
               struct err *err)
{
    OWNED_BUF(said, DUMP_MAX);
    const char *const dump[] = {
        options->containerd, "--config", options->config, "config", "dump", NULL};
    const char *const defaults[] = {options->containerd, "config", "default", NULL};
    bool exists;

    if (!host_exists(options->config, &exists, err))
        return false;
    return (host_run(exists ? dump : defaults, DUMP_TIMEOUT_MS, &said, err) &&
            containerd_config_read(ret, "containerd config dump", said.data, said.len, err)) ||
           err_prefix(err, "containerd cannot read its configuration");
}

static bool text_is(const struct containerd_config *dump, struct runtime_path path,
                    const char *expected)
{
    const char *text = toml_doc_text(dump->doc, path.key);
    return text != NULL && strcmp(text, expected) == 0;
}

bool dump_has_runtimes(const struct install_options *options, const struct containerd_config *dump,
                       struct err *err)
{
    const char *const names[] = {options->handler, options->sealed_handler};
    char config[CONFIG_PATH_MAX];

    for (size_t i = 0; i < HANDLERS; i++) {
        struct runtime_path type = containerd_runtime_path(dump->version, names[i]);
        struct runtime_path file = type;
        type.key[5] = "runtime_type";
        file.key[5] = "options";
        file.key[6] = "ConfigPath";
        (void)snprintf(config, sizeof config, "%s/%s.toml", options->prefix, names[i]);
        if (!text_is(dump, type, "io.containerd.runsc.v1") || !text_is(dump, file, config))
            return err_set(err, STATUS_EXPECTATION,
                           "containerd does not see the runtime %s as it was written", names[i]);
    }
    return true;
}

bool dump_lacks_runtimes(const struct install_options *options,
                         const struct containerd_config *dump, struct err *err)
{
    const char *const names[] = {options->handler, options->sealed_handler};

    for (size_t i = 0; i < HANDLERS; i++)
        if (containerd_runtime_is_ours(dump, dump->version, names[i], options->prefix))
            return err_set(err, STATUS_EXPECTATION, "containerd still sees the runtime %s",
                           names[i]);
    return true;
}

bool dump_same_otherwise(const struct install_options *options, struct containerd_config *before,
                         struct containerd_config *after, struct err *err)
{
    static const char *const imports[] = {"imports", NULL};
    const char *const names[] = {options->handler, options->sealed_handler};
    struct containerd_config *const both[] = {before, after};

    for (size_t i = 0; i < 2; i++) {
        toml_doc_drop(both[i]->doc, imports);
        for (size_t name = 0; name < HANDLERS; name++)
            toml_doc_drop(both[i]->doc, containerd_runtime_path(both[i]->version, names[name]).key);
        toml_doc_prune(both[i]->doc);
    }
    return toml_doc_equal(before->doc, after->doc) ||
           err_set(err, STATUS_EXPECTATION,
                   "containerd would see more change than gVisor's runtimes");
}
