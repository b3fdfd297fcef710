/*
 * What installing or uninstalling changes on a node, decided from what is there. Pure.
 * `check` prints the plan, `install` carries it out: nothing else decides.
 */
#ifndef GVISOR_INSTALLER_PLAN_PLAN_H
#define GVISOR_INSTALLER_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "gvisor_installer/containerd/containerd_config.h"
#include "gvisor_installer/containerd/fragments.h"

enum { PLAN_CHANGES_MAX = 8, PLAN_IMPORTED_MAX = 32 };

/* How the runtimes reach containerd. */
enum plan_way {
    WAY_DROP_IN, /* a file in a directory that the configuration imports */
    WAY_IMPORT,  /* a file, and a line that imports it */
    WAY_EDIT,    /* tables at the end of the configuration: containerd 1.x */
    WAY_VENDOR,  /* a file that the program merges which writes the configuration */
};

/* A file as it is; text is NULL where there is none. Borrowed. */
struct plan_file {
    const char *path; /* as containerd is told it */
    const char *file; /* where its links lead: what is written; NULL when that was not asked */
    const char *text;
    size_t len;
};

struct plan_facts {
    struct fragment_names names;
    struct containerd_version containerd;
    struct plan_file config;
    struct plan_file drop_in;
    struct plan_file left; /* a drop-in of ours at an earlier place: it goes; path may be NULL */
    struct plan_file imported[PLAN_IMPORTED_MAX]; /* by the configuration, these two excepted */
    size_t imported_count;
    struct plan_file handler[HANDLERS];
    const char *socket;
    long running; /* the process that answers there, a containerd; 0: it is not known */
    const char *running_config; /* what that reads, where it is another file than config; or NULL */
    const char *current;        /* what PREFIX/current leads to, or NULL */
    bool has_template;          /* VENDOR_MICROK8S_TEMPLATE is beside the configuration */
    /* Of the file system of --prefix; and whether the configuration is a mount, which cannot be
     * replaced. */
    bool prefix_noexec, prefix_read_only, config_is_mount;
    bool release_whole;        /* PREFIX/releases/RELEASE holds what was packed */
    bool systemd_cgroup_known; /* an option said so; else what the runtimes' options say */
    bool systemd_cgroup;
    bool systemd_runs; /* and decides where no runtime's options do */
    /* `containerd config dump`; NULL where containerd cannot read its files, for that reason. */
    const struct containerd_config *dump;
    const char *dump_why;
    bool unsettled; /* an earlier run was interrupted: what it wrote may not have been loaded */
};

enum plan_kind {
    PLAN_UNPACK, /* the release into path */
    PLAN_WRITE,  /* text into path, which may not exist */
    PLAN_LINK,   /* path leads to text */
    PLAN_REMOVE, /* the file */
};

struct plan_change {
    enum plan_kind kind;
    char *path, *text; /* owned; text may be NULL */
    size_t len;
    const char *why; /* a constant */
    bool exists;     /* path does, before the change */
};

struct plan {
    enum plan_way way;
    bool systemd_cgroup;
    bool restart; /* containerd has to read its configuration again */
    bool late;    /* it sees the change only after that: another program merges it in */
    struct plan_change change[PLAN_CHANGES_MAX];
    size_t count;
    char *lines; /* owned; see plan_install() */
};

/*
 * Where the drop-in goes and whether it is imported there. drop_in is empty for WAY_EDIT. forced
 * is the path that an option names, or NULL.
 */
bool plan_way(const struct plan_file *config, struct containerd_version containerd,
              const char *forced, enum plan_way *ret_way, char drop_in[CONFIG_PATH_MAX],
              struct err *err);

/* By its first line, or by what it says: our runtimes and nothing else. */
bool plan_drop_in_is_ours(const struct plan_facts *facts, const struct plan_file *file, bool *ret,
                          struct err *err);

/*
 * Status INPUT: a file of the node is broken; REFUSED: it is fine, but not ours to change (a
 * runtime of that name is there already, a program generates the file). Call plan_free() in every
 * case: where the file is made from a template, lines of the refused plan is what to put into the
 * template.
 */
bool plan_install(const struct plan_facts *facts, enum plan_way way, struct plan *ret,
                  struct err *err);

/*
 * before is the configuration as it was before the installation, and comes back byte by byte;
 * before->text is NULL if there was no file then, and the file is removed. Pass no `before` (NULL)
 * if somebody else has changed the configuration since: only gVisor's part is then taken out.
 */
bool plan_uninstall(const struct plan_facts *facts, const struct plan_file *before,
                    struct plan *ret, struct err *err);

void plan_free(struct plan *plan);

#endif
