/*
 * Predicts, from owner, mode and a read-only mount, whether a process may create a file in a
 * directory. Pure. A refusal that is predicted here is not attributed to the runtime.
 */
#ifndef GVISOR_PROBE_COMPARE_PREDICTION_H
#define GVISOR_PROBE_COMPARE_PREDICTION_H

#include "gvisor_probe/words/permission.h"

enum prediction {
    PREDICT_ALLOWED,
    PREDICT_DAC,   /* EACCES: owner and mode */
    PREDICT_MOUNT, /* EROFS: read-only mount */
    PREDICT_BOTH,  /* either: which is checked first differs between kernels */
};

enum prediction predict_create(const struct identity *who, const struct unix_directory *where,
                               bool read_only);

/* Is errnum the error that was predicted? It is a name such as "EACCES", or NULL. */
bool prediction_explains(enum prediction prediction, const char *errnum);

#endif
