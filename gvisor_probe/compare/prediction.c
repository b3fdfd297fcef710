#include "gvisor_probe/compare/prediction.h"

#include <string.h>

enum { WRITE_AND_SEARCH = 3, DIRECTORY_TYPE = 0040000 };

enum prediction predict_create(const struct identity *who, const struct unix_directory *where,
                               bool read_only)
{
    if (dac_allows(where->mode | DIRECTORY_TYPE, where->uid, where->gid, who, WRITE_AND_SEARCH))
        return read_only ? PREDICT_MOUNT : PREDICT_ALLOWED;
    return read_only ? PREDICT_BOTH : PREDICT_DAC;
}

bool prediction_explains(enum prediction prediction, const char *errnum)
{
    bool dac = prediction == PREDICT_DAC || prediction == PREDICT_BOTH;
    bool mount = prediction == PREDICT_MOUNT || prediction == PREDICT_BOTH;

    return errnum != NULL &&
           ((dac && strcmp(errnum, "EACCES") == 0) || (mount && strcmp(errnum, "EROFS") == 0));
}
