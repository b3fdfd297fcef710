#include "gvisor_installer/containerd/fragments.h"

#include <string.h>

#include "gvisor_installer/containerd/containerd_config.h"

#define MARK    "# Written by gvisor_installer"
#define WRITTEN MARK ", which replaces it: change the installer's options.\n"

void fragment_release_dir(const struct fragment_names *names, struct buf *out)
{
    buf_printf(out, "%s/releases/%s", names->prefix, names->release);
}

void fragment_current(const struct fragment_names *names, struct buf *out)
{
    buf_printf(out, "%s/current", names->prefix);
}

void fragment_handler_path(const struct fragment_names *names, enum handler handler,
                           struct buf *out)
{
    buf_printf(out, "%s/%s.toml", names->prefix, names->handler[handler]);
}

static void add_runtime(const struct fragment_names *names, enum handler handler,
                        int64_t config_version, struct buf *out)
{
    const char *plugin = containerd_cri_plugin(config_version);
    const char *name = names->handler[handler];

    /*
     * runtime_path and not $PATH: another gVisor on the node stays what it is. Of a pod's
     * annotations only mount hints pass: dev.gvisor.flag.* would let it switch isolation off.
     */
    buf_printf(out, "[plugins.\"%s\".containerd.runtimes.%s]\n", plugin, name);
    buf_printf(out,
               "  runtime_type = \"io.containerd.runsc.v1\"\n"
               "  runtime_path = \"%s/current/containerd-shim-runsc-v1\"\n"
               "  pod_annotations = [\"dev.gvisor.spec.mount.*\"]\n",
               names->prefix);
    buf_printf(out, "  [plugins.\"%s\".containerd.runtimes.%s.options]\n", plugin, name);
    buf_printf(out,
               "    TypeUrl = \"io.containerd.runsc.v1.options\"\n"
               "    ConfigPath = \"%s/%s.toml\"\n",
               names->prefix, name);
}

void fragment_runtimes(const struct fragment_names *names, int64_t config_version, struct buf *out)
{
    add_runtime(names, HANDLER_PLAIN, config_version, out);
    add_runtime(names, HANDLER_SEALED, config_version, out);
}

void fragment_default_runc(int64_t config_version, unsigned minor, struct buf *out)
{
    const char *plugin = containerd_cri_plugin(config_version);

    buf_printf(out,
               "# What containerd takes for granted only while no runtime is named:\n"
               "[plugins.\"%s\".containerd.runtimes.runc]\n"
               "  runtime_type = \"io.containerd.runc.v2\"\n",
               plugin);
    if (minor >= 7)
        buf_add_text(out, "  sandbox_mode = \"podsandbox\"\n");
    buf_printf(out,
               "  [plugins.\"%s\".containerd.runtimes.runc.options]\n"
               "    BinaryName = \"\"\n"
               "    CriuImagePath = \"\"\n"
               "    CriuPath = \"\"\n"
               "    CriuWorkPath = \"\"\n"
               "    IoGid = 0\n"
               "    IoUid = 0\n"
               "    NoNewKeyring = false\n"
               "    NoPivotRoot = false\n"
               "    Root = \"\"\n"
               "    ShimCgroup = \"\"\n"
               "    SystemdCgroup = false\n",
               plugin);
}

void fragment_drop_in(const struct fragment_names *names, int64_t config_version,
                      int64_t table_names, struct buf *out)
{
    buf_printf(out, WRITTEN "version = %d\n\n", (int)config_version);
    fragment_runtimes(names, table_names, out);
}

bool fragment_is_ours(const char *text, size_t len)
{
    return len >= sizeof MARK - 1 && memcmp(text, MARK, sizeof MARK - 1) == 0;
}

void fragment_handler(const struct fragment_names *names, enum handler handler, bool systemd_cgroup,
                      struct buf *out)
{
    /* Every value below runsc_config must be a text. */
    buf_printf(out,
               WRITTEN "binary_name = \"%s/releases/%s/runsc\"\n"
                       "[runsc_config]\n"
                       "  platform = \"systrap\"\n",
               names->prefix, names->release);
    buf_add_text(out, handler == HANDLER_SEALED
                          ? "  # Writes stay in the sandbox's memory, those to hostPaths too.\n"
                            "  overlay2 = \"all:memory,size=64m\"\n"
                          : "  overlay2 = \"root:self\"\n");
    buf_add_text(out, "  host-uds = \"none\"\n  host-fifo = \"none\"\n");
    if (systemd_cgroup)
        buf_add_text(out, "  systemd-cgroup = \"true\"\n");
}
