/*
 * What the installer notes about the node, in PREFIX/state.json, so that a run that was killed can
 * be finished or undone by the next, and an uninstall can give back every byte.
 *
 * Before the first change the files that it touches are copied, each beside itself, and noted with
 * the phase CHANGING; SETTLED follows when all is verified. While it says CHANGING the copies are
 * those of the last good configuration, whichever run made them.
 */
#ifndef GVISOR_INSTALLER_NOTES_STATE_H
#define GVISOR_INSTALLER_NOTES_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/sha256.h"
#include "gvisor_installer/containerd/containerd_config.h"

enum { STATE_FILES_MAX = 5, STATE_RELEASES_MAX = 32, STATE_TEXT_MAX = 128 };

enum state_phase {
    PHASE_NONE, /* nothing was ever begun here */
    PHASE_CHANGING,
    PHASE_SETTLED,
    PHASE_REMOVED, /* what is left of an uninstall is only to be swept away */
    PHASE_BROKEN,  /* there are notes, and they cannot be understood */
};

/* A file as it was before the change that is under way. */
struct state_file {
    char path[CONFIG_PATH_MAX]; /* where its links lead */
    bool existed;
    char sha256[SHA256_HEX + 1]; /* of it, and of its copy */
};

struct state {
    enum state_phase phase;
    bool lost; /* an uninstall without the notes of the installation is under way */
    char release[STATE_TEXT_MAX];
    char unpacked[STATE_RELEASES_MAX][STATE_TEXT_MAX]; /* every release that may be there */
    size_t unpacked_count;
    char drop_in[CONFIG_PATH_MAX];
    bool made_directory; /* the drop-in's: it goes again when it is empty */
    /* The drop-in's earlier place, while it moves. */
    char left[CONFIG_PATH_MAX];
    bool made_left_directory;
    char config[CONFIG_PATH_MAX]; /* which the installation is in; empty: it was not noted */
    /* The configuration before the first installation, and as the last one left it. */
    bool config_noted, config_existed;
    char config_before[SHA256_HEX + 1], config_after[SHA256_HEX + 1];
    char current[CONFIG_PATH_MAX]; /* what PREFIX/current led to; empty: there was none */
    struct state_file file[STATE_FILES_MAX];
    size_t file_count;
};

/* PREFIX/state.json */
bool state_path(const char *prefix, char out[CONFIG_PATH_MAX], struct err *err);

/* None is PHASE_NONE. REFUSED when a newer installer wrote it. */
bool state_load(const char *prefix, struct state *ret, struct err *err);

/* false with INPUT for PHASE_BROKEN, which only an uninstall can do something about. */
bool state_usable(const char *prefix, const struct state *state, struct err *err);

/* false with REFUSED where the notes are about another configuration of containerd's. */
bool state_is_of(const struct state *state, const char *config, struct err *err);

/* Whether the state lists the release; and adding one, which drops the oldest where the list is
 * full. */
bool state_has_release(const struct state *state, const char *release);
void state_add_release(struct state *state, const char *release);

bool state_save(const char *prefix, const struct state *state, struct err *err);

const char *state_phase_text(enum state_phase phase);

#endif
