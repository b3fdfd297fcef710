/*
 * What containerd's configuration means to us: versions, imports, the runtimes it defines. Pure.
 *
 * Facts are those of containerd's own sources, cmd/containerd/server/config/config.go: files
 * without a version are version 1; only imports that a file itself lists count (conf.d of the
 * default configuration does not apply to a file without the line); 1.x replaces a plugin's whole
 * section with that of an imported file, 2.0 and later merge the two; a drop-in's version must be
 * the root file's.
 */
#ifndef GVISOR_INSTALLER_CONTAINERD_CONTAINERD_CONFIG_H
#define GVISOR_INSTALLER_CONTAINERD_CONTAINERD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "gvisor_installer/containerd/toml_doc.h"

enum { CONFIG_PATH_MAX = 1024, CONFIG_SIZE_MAX = 1 << 20, CONFIG_MERGED_NEWEST = 3 };

enum { VERSION_TEXT_MAX = 64 };

struct containerd_version {
    unsigned major, minor;
    char text[VERSION_TEXT_MAX]; /* the whole word, without a v; cut where it is longer */
};

/* Of `containerd --version` ("containerd PACKAGE v2.2.9 ..."), "containerd://2.2.9" or "2.2.9". */
bool containerd_version_parse(const char *text, struct containerd_version *ret);

/*
 * Whether the kubelet talks to a program of that version. told is the runtime that a Node reports,
 * such as "containerd://2.2.9", or empty where it reports none. Else REFUSED, with what to do.
 */
bool containerd_version_is(const struct containerd_version *program, const char *told,
                           struct err *err);

/* The oldest that is given a shim by its path, and so can run ours: 1.6. Else REFUSED. */
bool containerd_is_new_enough(struct containerd_version version, struct err *err);

/* The newest configuration that this containerd reads. */
int64_t containerd_config_newest(struct containerd_version version);

/* Whether the tables of imported files are merged into those of the root file. */
bool containerd_merges(struct containerd_version version);

/* The plugin whose table holds the runtimes, as configurations of that version name it. */
const char *containerd_cri_plugin(int64_t config_version);

/*
 * The version that a containerd which merges imports takes a root file and all its imports for:
 * that of the last one, in the order of reading, that states a version. A file to be imported must
 * not state another.
 */
struct containerd_config;
int64_t containerd_drop_in_version(const struct containerd_config *const files[], size_t count);

/* The version whose plugin names take effect: the old names only where no file defines runtimes
 * under the new ones, whatever versions the files state. */
int64_t containerd_names(const struct containerd_config *const files[], size_t count);

struct containerd_config {
    const char *path; /* borrowed, absolute */
    struct toml_doc *doc;
    int64_t version;   /* 1 where the file says none */
    bool says_version; /* and it is a number */
};

/* Reads one file's text; messages begin with its path. containerd_config_free() when done. */
bool containerd_config_read(struct containerd_config *ret, const char *path, const char *text,
                            size_t len, struct err *err);
void containerd_config_free(struct containerd_config *config);

/* The path of a runtime's table, ended by NULL; name may be NULL: the table of all of them. */
struct runtime_path {
    const char *key[8];
};
struct runtime_path containerd_runtime_path(int64_t config_version, const char *name);

bool containerd_has_plugins(const struct containerd_config *config);
bool containerd_has_cri(const struct containerd_config *config);
bool containerd_has_runtime(const struct containerd_config *config, int64_t names, const char *name,
                            struct toml_place *ret_place);
bool containerd_cri_disabled(const struct containerd_config *config);

/* Whether a runtime's options name a file below prefix: then it is ours, whatever stands around. */
bool containerd_runtime_is_ours(const struct containerd_config *config, int64_t names,
                                const char *name, const char *prefix);

/* Where the file has containerd answer; NULL: it does not say. */
const char *containerd_address(const struct containerd_config *config);

size_t containerd_import_count(const struct containerd_config *config);

/* The index-th import as an absolute pattern, as containerd would resolve it. */
bool containerd_import(const struct containerd_config *config, size_t index,
                       char out[CONFIG_PATH_MAX], struct err *err);

/* Whether an import of the file leads to path. */
bool containerd_imports_path(const struct containerd_config *config, const char *path);

/*
 * A file name below a directory that the file imports as a whole, such as conf.d/NAME; false when
 * there is no such directory.
 */
bool containerd_drop_in_place(const struct containerd_config *config, const char *name,
                              char out[CONFIG_PATH_MAX]);

#endif
